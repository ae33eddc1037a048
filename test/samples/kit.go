package samples

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// Spec describes an image.
type Spec struct {
	Entrypoint []string
	Cmd        []string
	Env        []string
	User       string
	WorkingDir string
	Ports      []string          // exposed, e.g. "80/tcp"
	Volumes    []string          //
	Files      map[string]string // executable ones begin with "#!"
	Programs   []string          // of this machine, beside those of the base
	Links      map[string]string // symbolic links and their targets
	Built      map[string]Built  // Go programs, by path
	Bare       bool              // without the base: no shell, no tools, no actor
	Platform   *v1.Platform      // nil: this machine's
}

// Built is a Go program of this module that is compiled into an image.
type Built struct {
	Package string // below the folder test, e.g. "samples/actor"
	Tail    string // what is written behind the program, as builders do with settings
	Gzip    bool   // packed, to be unpacked when the image runs
	Base64  bool   // as text, likewise
}

// Kit makes images. It is safe for concurrent use.
type Kit struct {
	dir  string
	base func() ([]v1.Layer, error)

	mu       sync.Mutex
	programs map[string]func() ([]byte, error) // by package
}

// NewKit makes a Kit that keeps what it compiles in dir.
func NewKit(dir string) *Kit {
	k := &Kit{dir: dir, programs: map[string]func() ([]byte, error){}}
	k.base = sync.OnceValues(k.makeBase)
	return k
}

// Image builds the image that spec describes.
func (k *Kit) Image(spec Spec) (v1.Image, error) {
	img := v1.Image(empty.Image)
	var layers []v1.Layer
	if !spec.Bare {
		base, err := k.base()
		if err != nil {
			return nil, fmt.Errorf("the base of the sample images: %w", err)
		}
		layers = slices.Clone(base)
	}
	if len(spec.Files)+len(spec.Links)+len(spec.Programs)+len(spec.Built) > 0 {
		t := tree{}
		for _, name := range spec.Programs {
			if err := t.program("/bin/"+name, name); err != nil {
				return nil, err
			}
		}
		for name, built := range spec.Built {
			content, err := k.Build(built)
			if err != nil {
				return nil, err
			}
			t[name] = node{mode: 0o755, content: content}
		}
		for name, target := range spec.Links {
			t.link(name, target)
		}
		for name, content := range spec.Files {
			t.file(name, content)
		}
		layer, err := t.layer()
		if err != nil {
			return nil, err
		}
		layers = append(layers, layer)
	}
	img, err := mutate.AppendLayers(img, layers...)
	if err != nil {
		return nil, err
	}
	cf, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture = "linux", runtime.GOARCH
	if spec.Platform != nil {
		cf.OS, cf.Architecture, cf.Variant = spec.Platform.OS, spec.Platform.Architecture, spec.Platform.Variant
	}
	cf.Config = v1.Config{
		Entrypoint: spec.Entrypoint, Cmd: spec.Cmd, Env: spec.Env, User: spec.User, WorkingDir: spec.WorkingDir,
		ExposedPorts: set(spec.Ports), Volumes: set(spec.Volumes),
	}
	return mutate.ConfigFile(img, cf)
}

func set(list []string) map[string]struct{} {
	if len(list) == 0 {
		return nil
	}
	m := map[string]struct{}{}
	for _, s := range list {
		m[s] = struct{}{}
	}
	return m
}

// applets are the tools of the base. Busybox' own shell is not among them: it
// would do their work itself, and no program would be seen to start.
var applets = []string{
	"base64", "cat", "chmod", "chroot", "cp", "crontab", "date", "dmesg", "echo", "env", "find", "grep", "gzip", "head", "hostname", "httpd", "id", "insmod", "killall", "ln",
	"ls", "mkdir", "mknod", "modprobe", "mount", "mv", "nc", "nsenter", "nslookup", "od", "ps", "rm", "sed", "seq", "setpriv", "sleep", "sysctl", "tail", "tar", "tee", "touch", "tr",
	"true", "truncate", "uname", "wget", "xargs",
}

// makeBase makes a small Debian: dash with its libraries, busybox' tools, and
// the actor in a layer of its own.
func (k *Kit) makeBase() ([]v1.Layer, error) {
	t := tree{}
	for _, dir := range []string{"/dev", "/etc", "/proc", "/root", "/srv", "/sys", "/usr/lib", "/var/log"} {
		t.dir(dir, 0o755)
	}
	t.dir("/tmp", 0o1777)
	t.file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\napp:x:1000:1000::/home/app:/bin/sh\n")
	t.file("/etc/group", "root:x:0:\nweb:x:33:app\napp:x:1000:\nnogroup:x:65534:\n")
	t.file("/etc/os-release", "ID=sample\nNAME=\"Sallyport sample\"\n")
	if err := t.program("/bin/dash", "dash"); err != nil {
		return nil, err
	}
	t.link("/bin/sh", "dash")
	if err := t.program("/bin/busybox", "busybox"); err != nil {
		return nil, err
	}
	for _, a := range applets {
		t.link("/bin/"+a, "busybox")
	}
	base, err := t.layer()
	if err != nil {
		return nil, err
	}
	actor, err := k.actor()
	if err != nil {
		return nil, err
	}
	return []v1.Layer{base, actor}, nil
}

// actor compiles the program in the folder actor.
func (k *Kit) actor() (v1.Layer, error) {
	b, err := k.compile("samples/actor")
	if err != nil {
		return nil, err
	}
	t := tree{}
	t["/bin/actor"] = node{mode: 0o755, content: b}
	return t.layer()
}

// Build makes the file that b describes.
func (k *Kit) Build(b Built) ([]byte, error) {
	program, err := k.compile(b.Package)
	if err != nil {
		return nil, err
	}
	program = append(slices.Clone(program), b.Tail...)
	if b.Base64 {
		return []byte(base64.StdEncoding.EncodeToString(program)), nil
	}
	if !b.Gzip {
		return program, nil
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// compile compiles a package below the folder test, once.
func (k *Kit) compile(pkg string) ([]byte, error) {
	k.mu.Lock()
	program := k.programs[pkg]
	if program == nil {
		program = sync.OnceValues(func() ([]byte, error) {
			out := filepath.Join(k.dir, strings.ReplaceAll(pkg, "/", "-"))
			build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "github.com/sallyport-dev/sallyport/test/"+pkg)
			build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=mod")
			if said, err := build.CombinedOutput(); err != nil {
				return nil, fmt.Errorf("compiling %s: %w: %s", pkg, err, said)
			}
			return os.ReadFile(out)
		})
		k.programs[pkg] = program
	}
	k.mu.Unlock()
	return program()
}

// program copies a program of this machine, and the libraries that it needs.
func (t tree) program(as, name string) error {
	path, err := exec.LookPath(name)
	if err != nil {
		return fmt.Errorf("%w: install the Debian packages dash and busybox-static", err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return err
	}
	return t.copy(as, path, map[string]bool{})
}

func (t tree) copy(as, from string, done map[string]bool) error {
	if done[as] {
		return nil
	}
	done[as] = true
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	t[as] = node{mode: 0o755, content: b}
	f, err := elf.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		text := make([]byte, p.Filesz)
		if _, err := p.ReadAt(text, 0); err != nil {
			return err
		}
		interpreter := string(text[:max(len(text)-1, 0)]) // ends in a zero byte
		if err := t.copy(interpreter, interpreter, done); err != nil {
			return err
		}
	}
	libraries, err := f.ImportedLibraries()
	if err != nil {
		return err
	}
	for _, lib := range libraries {
		at, err := library(lib)
		if err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
		if err := t.copy(at, at, done); err != nil {
			return err
		}
	}
	return nil
}

// library finds a shared library where Debian keeps them.
func library(name string) (string, error) {
	for _, pattern := range []string{"/lib/*-linux-gnu/", "/usr/lib/*-linux-gnu/", "/lib64/", "/lib/", "/usr/lib/"} {
		found, err := filepath.Glob(pattern + name)
		if err != nil {
			return "", err
		}
		if len(found) > 0 {
			return found[0], nil
		}
	}
	return "", fmt.Errorf("its library %s is not on this machine", name)
}

// names lists a tree's paths in order.
func (t tree) names() []string { return slices.Sorted(maps.Keys(t)) }
