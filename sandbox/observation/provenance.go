package observation

import (
	"net/netip"
	"path"
	"slices"
	"strings"
)

// Where a file or program comes from. FromImage covers what a package manager
// or a script of the image would be trusted with, no more.
const (
	FromImage   = "image"
	FromPackage = "pkgmgr"  // written below a package manager
	FromConfig  = "config"  // text written by a program of the image
	FromNetwork = "network" // equal to a body that was served, or its writer had received something
	FromDecoded = "decoded" // its writer decodes, or reads from one that does
	FromUnknown = "unknown"
)

// packageManagers are the programs whose children write what a package holds.
var packageManagers = map[string]bool{
	"dpkg": true, "apt": true, "apt-get": true, "apk": true, "rpm": true, "yum": true, "dnf": true, "microdnf": true,
	"zypper": true, "pip": true, "pip3": true, "npm": true, "yarn": true, "pnpm": true, "gem": true, "cargo": true,
}

// decoders are the programs that always turn what they read into what it
// stands for; the others in decodes do when told so.
var decoders = map[string]bool{
	"uudecode": true, "gunzip": true, "zcat": true, "bunzip2": true, "bzcat": true, "unxz": true, "xzcat": true,
	"unzstd": true, "zstdcat": true, "unzip": true, "rev": true,
}

// Inherit tells what the run found on disk that is not of the image: what an
// earlier run left. Who wrote it is in that one's observation. To be called
// before Build.
func (b *Builder) Inherit(earlier *Observation) {
	b.left = map[string]File{}
	for _, list := range [][]File{earlier.Files.Created, earlier.Files.Modified} {
		for _, f := range list {
			if !f.Gone {
				b.left[f.Path] = f
			}
		}
	}
}

// attribute gives files their writers, and files and programs their provenance.
func (b *Builder) attribute() {
	a := attribution{b: b, received: map[string]int64{}, images: map[string]bool{}, fed: map[string][]*Process{}}
	for _, f := range b.o.Network.Flows {
		if f.Process == "" || f.Inbound || f.BytesIn == 0 || loopback(f.DstIP) || f.App == "dns" {
			continue
		}
		if at, ok := a.received[f.Process]; !ok || f.FirstMS < at {
			a.received[f.Process] = f.FirstMS
		}
	}
	for _, p := range b.tree.order {
		if !p.Drift && p.SHA256 != "" {
			a.images[p.SHA256] = true
		}
		// A program that reads its child's output through a pipe gets what the child received.
		if fd := p.Stdio[1]; isPipe(fd) && fd.Peer != nil && p.Parent != "" {
			if up := b.tree.all[p.Parent]; up != nil && up.PID == fd.Peer.PID {
				a.fed[up.ID] = append(a.fed[up.ID], p)
			}
		}
	}
	executed := map[string]bool{}
	for _, p := range b.tree.order {
		executed[p.Exe] = true
		if p.Script != "" {
			executed[p.Script] = true
		}
		p.Provenance = FromImage
		if p.Drift && !p.Forked {
			wr, ok := b.writes.before(p.Exe, p.Event)
			p.Provenance = a.origin(p.Exe, wr, ok, p.SHA256, "elf")
		}
	}
	for _, p := range b.tree.order {
		if up := b.tree.all[p.Parent]; p.Forked && up != nil {
			p.Provenance = up.Provenance
		}
	}
	files := map[string]*File{}
	for _, list := range [][]File{b.o.Files.Created, b.o.Files.Modified} {
		for i := range list {
			f := &list[i]
			first, last, ok := b.writes.ends(f.Path)
			if f.Gone {
				if wr, known := b.writes.until(f.Path, f.gone); known {
					last = wr
				}
			}
			f.Writer, f.Event = last.process, first.seq
			f.Provenance = a.origin(f.Path, last, ok, f.SHA256, f.Type)
			f.Executed = executed[f.Path]
			if known := files[f.Path]; known == nil || known.Gone {
				files[f.Path] = f
			}
			b.found(f.SHA256, f.Path)
		}
	}
	for _, p := range b.tree.order {
		b.found(p.SHA256, p.Exe)
		if p.Script == "" || p.Forked {
			continue
		}
		f := files[p.Script]
		if f != nil {
			p.ScriptSHA256 = f.SHA256
		}
		if wr, ok := b.writes.before(p.Script, p.Event); ok || p.ScriptDrift {
			p.ScriptProvenance = a.origin(p.Script, wr, ok, p.ScriptSHA256, "script")
		}
	}
}

type attribution struct {
	b        *Builder
	received map[string]int64 // process ID: when it first received something from outside
	images   map[string]bool  // SHA-256 of programs of the image that ran
	fed      map[string][]*Process
}

// origin tells where the content of a path comes from that wr left. Proof by
// hash comes first. What nobody wrote in this run was there before it.
func (a *attribution) origin(path string, wr write, known bool, sha, kind string) string {
	if sha != "" && a.b.bodies[sha] {
		return FromNetwork
	}
	if sha != "" && a.images[sha] {
		return FromImage
	}
	w := a.b.tree.all[wr.process]
	if f, ok := a.b.left[path]; ok && !known && (f.SHA256 == sha || f.SHA256 == "" || sha == "") {
		return f.Provenance
	}
	if !known || w == nil {
		return FromUnknown
	}
	packaged := false
	a.b.tree.ancestors(w, func(p *Process) bool {
		packaged = !p.Drift && packageManager(p)
		return !packaged
	})
	if packaged {
		return FromPackage
	}
	sources := a.sources(w)
	if slices.ContainsFunc(sources, func(p *Process) bool { return p.Decodes }) {
		return FromDecoded
	}
	if slices.ContainsFunc(sources, func(p *Process) bool {
		at, ok := a.received[p.ID]
		return ok && at <= wr.ms
	}) {
		return FromNetwork
	}
	if kind != "elf" && !w.Drift {
		return FromConfig
	}
	return FromUnknown
}

// sources are w and those whose output it reads, over any number of pipes.
func (a *attribution) sources(w *Process) []*Process {
	list := []*Process{w}
	for i := 0; i < len(list) && len(list) < 64; i++ {
		for _, id := range list[i].PipeFrom {
			if p := a.b.tree.all[id]; p != nil && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
		for _, p := range a.fed[list[i].ID] {
			if len(list) < 64 && !slices.Contains(list, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

func packageManager(p *Process) bool {
	if packageManagers[path.Base(p.Exe)] {
		return true
	}
	// pip and npm are scripts: their interpreter's argument names them.
	return p.Script != "" && packageManagers[path.Base(p.Script)] && !p.ScriptDrift
}

// decodes tells whether p turns encoded or compressed input into what it stands for.
func decodes(argv []string) bool {
	if len(argv) == 0 {
		return false
	}
	name, rest := path.Base(argv[0]), argv[1:]
	if (name == "busybox" || name == "toybox") && len(rest) > 0 {
		name, rest = rest[0], rest[1:]
	}
	told := func(letters, word string) bool {
		return slices.ContainsFunc(rest, func(a string) bool {
			return a == word || strings.HasPrefix(a, "-") && !strings.HasPrefix(a, "--") && strings.ContainsAny(a[1:], letters)
		})
	}
	switch name {
	case "base64", "base32", "basenc", "gzip", "bzip2", "xz", "zstd":
		return told("dD", "--decode") || told("", "--decompress")
	case "openssl":
		return slices.Contains(rest, "-d")
	case "xxd":
		return told("r", "--revert")
	case "tar":
		return told("x", "--extract") || len(rest) > 0 && strings.HasPrefix(rest[0], "x")
	case "tr": // A-Za-z to N-ZA-Mn-za-m is a code; -d '\r' is not
		return len(rest) == 2 && strings.Contains(rest[0], "-") && strings.Contains(rest[1], "-") && !strings.HasPrefix(rest[0], "-") &&
			!strings.EqualFold(rest[0], rest[1]) && len(rest[1]) > len("A-Z")
	}
	return decoders[name]
}

func loopback(s string) bool {
	ip, err := netip.ParseAddr(s)
	return err == nil && ip.Unmap().IsLoopback()
}
