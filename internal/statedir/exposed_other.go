//go:build !unix

package statedir

import "io/fs"

// exposed knows nothing of permissions that are not Unix'.
func exposed(fs.FileInfo) string { return "" }
