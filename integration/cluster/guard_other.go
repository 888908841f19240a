//go:build !unix

package cluster

import "syscall"

// ownGroup is only needed where a terminal signals a group of processes.
func ownGroup() *syscall.SysProcAttr { return nil }
