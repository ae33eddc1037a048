package judge

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// strand is a lineage in one of the passes, which are numbered.
type strand struct {
	pass    int
	lineage string
}

// kinship tells which lineages of different passes are one: a union-find.
type kinship struct{ up map[strand]strand }

// families joins the lineages of an image's passes. One goes on in another pass
// where
//
//   - the same program is started in the same way, as the image's own is in
//     most passes;
//   - a program or script runs that was left on disk, with whoever wrote it, as
//     within a pass;
//   - what was left to be run later is run, likewise.
func families(passes []Pass) kinship {
	k := kinship{map[strand]strand{}}
	k.begunAlike(passes)
	on := slices.IndexFunc(passes, func(p Pass) bool { return p.name() == speaks(passes).name() })
	left := leftBy(passes[on].Observation)
	for i, p := range passes {
		switch p.name() {
		case observation.Restart, observation.Persistence: // they begin with the writable layer of on
			k.handedOver(i, p.Observation, on, left)
		}
	}
	return k
}

// of names the family of s.
func (k kinship) of(s strand) string {
	s = k.find(s)
	return strconv.Itoa(s.pass) + "/" + s.lineage
}

func (k kinship) find(s strand) strand {
	for up, ok := k.up[s]; ok; up, ok = k.up[s] {
		if further, ok := k.up[up]; ok {
			k.up[s] = further
		}
		s = up
	}
	return s
}

func (k kinship) join(a, b strand) {
	a, b = k.find(a), k.find(b)
	if a == b || a.lineage == "" || b.lineage == "" {
		return
	}
	if b.pass < a.pass || b.pass == a.pass && b.lineage < a.lineage {
		a, b = b, a
	}
	k.up[b] = a // the earlier one names them
}

// begunAlike joins lineages whose first programs are the same, with the same arguments.
func (k kinship) begunAlike(passes []Pass) {
	first := map[string]strand{}
	for i, p := range passes {
		seen := map[string]bool{}
		for _, q := range p.Observation.Sorted() {
			if q.Probe || q.Forked || seen[q.LineageID] {
				continue
			}
			seen[q.LineageID] = true
			how := q.Exe + "\x00" + strings.Join(q.Argv, "\x00")
			s := strand{i, q.LineageID}
			switch f, ok := first[how]; {
			case !ok:
				first[how] = s
			case f.pass != i:
				k.join(f, s)
			}
		}
	}
}

// leftFile is a file as a pass left it: what it holds, and the lineage that wrote it.
type leftFile struct{ sha256, lineage string }

func leftBy(o *observation.Observation) map[string]leftFile {
	left := map[string]leftFile{}
	for _, list := range [][]observation.File{o.Files.Created, o.Files.Modified} {
		for _, f := range list {
			if w := o.Processes[f.Writer]; w != nil && !f.Gone {
				left[f.Path] = leftFile{f.SHA256, w.LineageID}
			}
		}
	}
	return left
}

// handedOver joins what runs in pass i with who left it in the pass from.
func (k kinship) handedOver(i int, o *observation.Observation, from int, left map[string]leftFile) {
	hooks := map[string]string{} // command: file that has it
	for _, h := range o.Run.Hooks {
		hooks[h.Command] = h.Path
	}
	for _, p := range o.Processes {
		if p.Probe || p.Forked {
			continue
		}
		join := func(path, sha string) {
			if f, ok := left[path]; ok && (sha == f.sha256 || sha == "" || f.sha256 == "") {
				k.join(strand{from, f.lineage}, strand{i, p.LineageID})
			}
		}
		if p.Drift {
			join(p.Exe, p.SHA256)
		}
		if p.ScriptDrift {
			join(p.Script, p.ScriptSHA256)
		}
		if up := o.Processes[p.Parent]; up != nil && len(p.Argv) > 0 && (up.Probe || up.Forked) {
			if path, ok := hooks[p.Argv[len(p.Argv)-1]]; ok { // sh -c COMMAND
				join(path, "")
			}
		}
	}
}
