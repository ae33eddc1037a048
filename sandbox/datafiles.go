package sandbox

import (
	"io/fs"
	"path"

	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
)

// dataFolders is where people and their programs keep what cannot be installed
// again. FHS 3.0, and what images add.
var dataFolders = []string{"/data", "/home", "/media", "/mnt", "/root", "/srv", "/var/backups", "/var/lib", "/var/www"}

// maxDataFiles is how many files are counted at most: the wiping of the first
// ones is that of all.
const maxDataFiles = 20_000

// dataFiles counts the regular files of an image in each folder for data.
func dataFiles(root *rootfs.Root) map[string]int {
	counts := map[string]int{}
	left := maxDataFiles
	for _, dir := range dataFolders {
		if e, err := root.Lstat(dir); err != nil || !e.Mode.IsDir() {
			continue
		}
		if n := count(root, dir, &left, 0); n > 0 {
			counts[dir] = n
		}
	}
	return counts
}

// deepest is how far down files are counted.
const deepest = 32

func count(root *rootfs.Root, dir string, left *int, depth int) int {
	names, err := root.ReadDir(dir)
	if err != nil || depth > deepest {
		return 0
	}
	n := 0
	for _, name := range names {
		if *left <= 0 {
			break
		}
		e, err := root.Lstat(path.Join(dir, name))
		switch {
		case err != nil:
		case e.Mode.IsDir():
			n += count(root, path.Join(dir, name), left, depth+1)
		case e.Mode&fs.ModeType == 0:
			*left--
			n++
		}
	}
	return n
}
