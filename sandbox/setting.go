package sandbox

import (
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/sandbox/behaviours"
	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// setting is what the guest finds around it that is not of its image: what a
// container engine gives it (name resolution, host name, volumes), and what
// only we do (an authority for TLS, secrets to steal).
type setting struct {
	root     *rootfs.Root
	world    *network.World
	secrets  *canary.Set
	who      account
	hostname string
	plan     *plan
	tempting bool // besides, what only a host has: its disk, its engine's socket, its cluster

	made []runtime.File // what files returned
	bait []string       // the documents among them
}

// defaultPath is what an engine sets for an image that does not.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// maxBundle bounds a certificate bundle of the image.
const maxBundle = 8 << 20

// environment is the image's, completed.
func (s *setting) environment() []string {
	engine := []string{
		defaultPath,
		"HOSTNAME=" + s.hostname, "HOME=" + s.who.home,
	}
	env := environment(s.plan.env, engine...)
	if s.tempting {
		const api = canary.ClusterAddress
		engine := []string{"KUBERNETES_SERVICE_HOST=" + api, "KUBERNETES_SERVICE_PORT=443", "KUBERNETES_SERVICE_PORT_HTTPS=443", "KUBERNETES_PORT=tcp://" + api + ":443"}
		env = environment(env, engine...)
	}
	env = environment(env, s.world.Environment()...)
	return environment(env, s.secrets.Environment()...)
}

// files is everything that is put into the writable layer, where it comes to lie.
func (s *setting) files() []runtime.File {
	s.made, s.bait = nil, nil
	// An engine mounts these over whatever the image has.
	s.put("/etc/hostname", s.hostname+"\n", 0o644)
	s.put("/etc/hosts", s.hosts(), 0o644)
	s.put("/etc/resolv.conf", fmt.Sprintf("nameserver %s\noptions ndots:0\n", s.world.Resolver()), 0o644)
	if !s.root.Exists("/.dockerenv") {
		s.put("/.dockerenv", "", 0o755)
	}
	s.bundles()
	for _, v := range s.plan.volumes {
		s.folder(v)
	}
	s.folder(s.plan.cwd)
	for _, f := range s.secrets.Files(s.who.home) {
		s.plant(f)
	}
	if s.tempting {
		s.tempt()
	}
	documents := len(s.made)
	for _, dir := range s.shelves() {
		for _, f := range s.secrets.Documents(dir) {
			s.plant(f)
		}
	}
	s.made = runtime.Placed(s.root, s.made)
	for _, f := range s.made[documents:] {
		if f.Mode.IsRegular() {
			s.bait = append(s.bait, f.Path)
		}
	}
	return s.made
}

// hostAt is where the disk of the host seems to be mounted.
const hostAt = "/host"

// engineSocket is the engine's, mounted as careless people do.
const engineSocket = "/var/run/docker.sock"

// tempt plants what a host has. A program of an ordinary container finds none of it.
func (s *setting) tempt() {
	for _, f := range s.secrets.Host(hostAt) {
		s.plant(f)
	}
	s.plant(canary.File{Path: canary.Account + "/ca.crt", Content: s.world.Bundle(nil), Mode: 0o644})
	s.folder(path.Dir(engineSocket))
}

// lure is what of that is no file.
func (s *setting) lure() runtime.Lure {
	if !s.tempting {
		return runtime.Lure{}
	}
	const dockerPort, sd = 2375, 8
	lure := runtime.Lure{Disks: []runtime.LureDisk{{Path: "/dev/sda", Major: sd}, {Path: "/dev/sda1", Major: sd, Minor: 1}}}
	if !s.root.Exists(engineSocket) {
		lure.Sockets = []runtime.LureSocket{{Path: engineSocket, To: netip.AddrPortFrom(s.world.Link().Gateway4, dockerPort)}}
	}
	return lure
}

// plant puts a file where the image has none.
func (s *setting) plant(f canary.File) {
	if s.root.Exists(f.Path) {
		return
	}
	uid, gid := 0, 0
	if f.Own {
		uid, gid = int(s.who.uid), int(s.who.gid)
		s.ownFolders(path.Dir(f.Path))
	}
	s.made = append(s.made, runtime.File{Path: f.Path, Content: f.Content, Mode: fs.FileMode(f.Mode), UID: uid, GID: gid})
}

// ownFolders makes the folders of dir that are missing as the user's own; some
// programs refuse what lies in anybody else's.
func (s *setting) ownFolders(dir string) {
	if s.root.Exists(dir) {
		return
	}
	s.ownFolders(path.Dir(dir))
	mode := fs.FileMode(0o755)
	if strings.HasPrefix(path.Base(dir), ".") {
		mode = 0o700
	}
	s.made = append(s.made, runtime.File{Path: dir, Mode: fs.ModeDir | mode, UID: int(s.who.uid), GID: int(s.who.gid)})
}

// shelves are the folders that get documents. The volumes of programs that
// keep their own data there, such as databases, must be found empty.
func (s *setting) shelves() []string {
	list := []string{"/mnt/share"}
	if s.who.home != "/" && !slices.Contains(s.plan.volumes, s.who.home) {
		list = append(list, path.Join(s.who.home, "Documents"))
	}
	for _, v := range s.plan.volumes {
		top, _, _ := strings.Cut(strings.TrimPrefix(v, "/"), "/")
		if len(list) < maxShelves && !slices.Contains(ofPrograms, top) {
			list = append(list, path.Join(v, "documents"))
		}
	}
	return list
}

// maxShelves bounds how many folders get documents.
const maxShelves = 6

// ofPrograms are the places that programs have for themselves (FHS 3.0).
var ofPrograms = []string{"bin", "boot", "dev", "etc", "lib", "lib64", "opt", "proc", "run", "sbin", "sys", "tmp", "usr", "var"}

func (s *setting) hosts() string {
	text := "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
	for _, a := range s.world.Link().Addresses {
		text += a.Addr().String() + "\t" + s.hostname + "\n"
	}
	return text
}

// bundles adds our authority to those that the image trusts.
func (s *setting) bundles() {
	done := map[string]bool{}
	for _, name := range append([]string{network.BundlePath}, network.BundlePaths()...) {
		e, err := s.root.Stat(name)
		switch {
		case err != nil && name == network.BundlePath:
			s.put(name, string(s.world.Bundle(nil)), 0o644)
			done[name] = true
		case err == nil && e.Mode.IsRegular() && !done[e.Path]:
			existing, err := s.root.ReadFile(e.Path, maxBundle)
			if err != nil {
				continue // too large to be one
			}
			done[e.Path] = true
			s.made = append(s.made, runtime.File{
				Path: e.Path, Content: s.world.Bundle(existing), Mode: e.Mode.Perm(), UID: int(e.UID), GID: int(e.GID),
			})
		}
	}
}

func (s *setting) put(name, content string, mode fs.FileMode) {
	s.made = append(s.made, runtime.File{Path: name, Content: []byte(content), Mode: mode})
}

// folder makes an empty folder where the image has nothing.
func (s *setting) folder(name string) {
	if !s.root.Exists(name) {
		s.made = append(s.made, runtime.File{Path: name, Mode: fs.ModeDir | 0o755})
	}
}

// readsOf are the places whose reading tells something: our secrets, devices,
// what other programs were told.
func (s *setting) readsOf() []string {
	var list []string
	for _, f := range s.secrets.Files(s.who.home) {
		list = append(list, f.Path)
	}
	if s.tempting {
		list = append(list, hostAt+"/")
	}
	list = append(list, "/dev/", "/etc/shadow", "/etc/gshadow")
	return append(list, behaviours.Reads()...)
}
