//go:build unix

package statedir

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

func exposed(info fs.FileInfo) string {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() != int(stat.Uid) {
		return fmt.Sprintf("it belongs to user %d, this process runs as user %d", stat.Uid, os.Geteuid())
	}
	switch perm := info.Mode().Perm(); {
	case perm&0o022 != 0:
		return fmt.Sprintf("others may write to it (permissions %o)", perm)
	case perm&0o055 != 0:
		return fmt.Sprintf("others may read it (permissions %o)", perm)
	}
	return ""
}
