package upper

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
)

// Placeholder keeps gVisor from mounting a tmpfs of its own on an empty /tmp,
// whose files would be missing from the difference. X servers leave this
// folder behind on ordinary machines.
var Placeholder = File{Path: "/tmp/.X11-unix", Mode: fs.ModeDir | fs.ModeSticky | 0o777}

// Write writes files as the tar that pre-fills the writable layer of image.
// The Placeholder comes first.
func Write(w io.Writer, image *rootfs.Root, files []File) error {
	in := newInjection(w, image)
	if err := in.dir("/"); err != nil {
		return err
	}
	for _, file := range append([]File{Placeholder}, files...) {
		if err := in.add(file); err != nil {
			return fmt.Errorf("%s: %w", file.Path, err)
		}
	}
	return in.w.Close()
}

type injection struct {
	image   *rootfs.Root
	w       *tar.Writer
	dirs    map[string]bool // that are in the tar
	notDirs map[string]bool // what else is, of an earlier run
	now     time.Time
}

func newInjection(w io.Writer, image *rootfs.Root) *injection {
	return &injection{image: image, w: tar.NewWriter(w), dirs: map[string]bool{}, notDirs: map[string]bool{}, now: time.Now()}
}

// errNoDir says that something else is where a folder is needed.
var errNoDir = errors.New("it is not a directory")

// add writes one file, below what its parents resolve to inside the image.
func (in *injection) add(f File) error {
	if !path.IsAbs(f.Path) {
		return errors.New("not an absolute path")
	}
	dir, base := path.Split(path.Clean(f.Path))
	if base == "" {
		return errors.New("the root itself cannot be injected")
	}
	dir = resolve(in.image, dir)
	if err := in.dir(dir); err != nil {
		return err
	}
	hdr := &tar.Header{
		Name: tarName(path.Join(dir, base)), Mode: UnixMode(f.Mode), Uid: f.UID, Gid: f.GID,
		ModTime: in.now, Format: tar.FormatPAX,
	}
	switch f.Mode.Type() {
	case 0:
		hdr.Typeflag, hdr.Size = tar.TypeReg, int64(len(f.Content))
	case fs.ModeSymlink:
		hdr.Typeflag, hdr.Linkname = tar.TypeSymlink, f.Target
	case fs.ModeDir:
		if in.dirs[path.Join(dir, base)] {
			return nil
		}
		in.dirs[path.Join(dir, base)] = true
		hdr.Typeflag, hdr.Name = tar.TypeDir, hdr.Name+"/"
	default:
		return fmt.Errorf("cannot inject a file of type %v", f.Mode.Type())
	}
	if err := in.w.WriteHeader(hdr); err != nil {
		return err
	}
	if hdr.Typeflag != tar.TypeReg {
		return nil
	}
	_, err := in.w.Write(f.Content)
	return err
}

// Placed returns files under the paths at which they come to lie: what is put
// below /var/run lies in /run where the one is a link to the other.
func Placed(image *rootfs.Root, files []File) []File {
	placed := slices.Clone(files)
	for i, f := range placed {
		if p := path.Clean(f.Path); path.IsAbs(p) && p != "/" {
			placed[i].Path = path.Join(resolve(image, path.Dir(p)), path.Base(p))
		}
	}
	return placed
}

// resolve follows the symbolic links of the image in dir. What does not exist yet
// is kept as it is written.
func resolve(image *rootfs.Root, dir string) string {
	dir = path.Clean(dir)
	if e, err := image.Stat(dir); err == nil {
		return e.Path
	}
	if dir == "/" {
		return dir
	}
	return path.Join(resolve(image, path.Dir(dir)), path.Base(dir))
}

// dir writes a folder and its parents: as in the image, or as root's with mode 0755.
func (in *injection) dir(p string) error {
	switch {
	case in.dirs[p]:
		return nil
	case in.notDirs[p]:
		return fmt.Errorf("%s: %w", p, errNoDir)
	}
	if p != "/" {
		if err := in.dir(path.Dir(p)); err != nil {
			return err
		}
	}
	in.dirs[p] = true
	hdr := &tar.Header{Typeflag: tar.TypeDir, Name: tarName(p) + "/", Mode: 0o755, ModTime: in.now, Format: tar.FormatPAX}
	if p == "/" {
		hdr.Name = "./"
	}
	if p == "/tmp" {
		hdr.Mode = 0o1777
	}
	if e, err := in.image.Stat(p); err == nil {
		if !e.Mode.IsDir() {
			return fmt.Errorf("%s in the image: %w", p, errNoDir)
		}
		hdr.Mode, hdr.Uid, hdr.Gid = UnixMode(e.Mode), int(e.UID), int(e.GID)
	}
	return in.w.WriteHeader(hdr)
}

// tarName is the form in which gVisor writes and reads names.
func tarName(p string) string { return "." + strings.TrimSuffix(p, "/") }
