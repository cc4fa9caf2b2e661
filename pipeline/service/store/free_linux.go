package store

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Free is how many bytes the file system of a path has left for who runs weir.
func Free(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, fmt.Errorf("look at the free space of %s: %w", path, err)
	}
	return int64(st.Bavail) * st.Bsize, nil
}
