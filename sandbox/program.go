package sandbox

import (
	"bufio"
	"io"
	"path"
	"strings"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// program describes the file that the plan starts first, as it lies in the
// image. It is nil when nothing in the image has that name.
func program(root *rootfs.Root, p *plan, env []string) *observation.Program {
	for _, candidate := range runtime.Candidates(runtime.Process{Args: p.args, Env: env, Cwd: p.cwd}) {
		if _, err := root.Lstat(candidate); err != nil {
			continue
		}
		found := &observation.Program{Path: candidate, Links: root.Links(candidate)}
		e, err := root.Stat(candidate)
		if err != nil || !e.Mode.IsRegular() {
			return found // a link to nothing, or out of the image
		}
		found.Real, found.Size, found.Mode = e.Path, e.Size, uint32(runtime.UnixMode(e.Mode))
		if sum, err := root.SHA256(e.Path); err == nil {
			found.SHA256 = sum
		}
		found.Shebang = shebang(root, e.Path)
		return found
	}
	return nil
}

// maxShebang is what Linux reads of a script's first line.
const maxShebang = 256

func shebang(root *rootfs.Root, name string) string {
	f, err := root.Open(path.Clean(name))
	if err != nil {
		return ""
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(io.LimitReader(f, maxShebang), maxShebang).ReadString('\n')
	after, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return ""
	}
	return observation.Printable([]byte(strings.TrimSpace(after)))
}
