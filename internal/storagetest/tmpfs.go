package storagetest

import (
	"fmt"
	"syscall"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// Tmpfs mounts a file system of size bytes, which goes with the test, and
// returns its folder. It needs root.
func Tmpfs(t testing.TB, size int64) string {
	t.Helper()
	testenv.NeedRoot(t)
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		testenv.Missing(t, "needs to mount a file system: "+err.Error())
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}
