package observation

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// maxPipeFrom is how many writers of one pipe are kept.
const maxPipeFrom = 16

// pipes finds whose output each program reads. Both ends of a pipe carry its
// inode; the peer that the sensor saw may still be a fork before its exec.
func (t *tree) pipes() {
	writers := map[string][]*Process{}
	for _, p := range t.order {
		if name := pipeName(p.Stdio[1]); name != "" && len(writers[name]) < maxPipeFrom {
			writers[name] = append(writers[name], p)
		}
	}
	for _, p := range t.order {
		name := pipeName(p.Stdio[0])
		if name == "" {
			continue
		}
		for _, w := range writers[name] {
			if w != p && !slices.Contains(p.Lineage, w.ID) && !slices.Contains(w.Lineage, p.ID) {
				p.PipeFrom = append(p.PipeFrom, w.ID)
			}
		}
	}
}

func isPipe(fd *event.FD) bool { return pipeName(fd) != "" }

// pipeName is the same for both ends of a pipe, with a name in the file system
// or without, and "" for what is none of the guest's: its output goes to us by
// pipes that are numbered by themselves.
func pipeName(fd *event.FD) string {
	switch {
	case fd == nil || fd.Kind != "pipe" || fd.Inode == 0 || strings.HasPrefix(fd.Path, "host:"):
		return ""
	case strings.HasPrefix(fd.Path, "/"):
		return fd.Path
	}
	return strconv.FormatUint(fd.Inode, 10)
}

// inits start things that have nothing to do with each other. Names are those
// of their programs.
var inits = map[string]bool{
	"tini": true, "tini-static": true, "dumb-init": true, "catatonit": true, "docker-init": true,
	"init": true, "systemd": true, "supervisord": true, "s6-svscan": true, "s6-overlay-suexec": true,
	"runsvdir": true, "runit": true, "openrc-init": true, "circusd": true, "monit": true, "pid1": true,
	"cron": true, "crond": true,
}

// lineages gives everything that belongs together the same LineageID: the
// processes below one root, those joined by a pipe, and whoever runs a file
// with whoever wrote it. What an init system starts are separate roots.
func (t *tree) lineages(w writes) {
	root := map[string]string{} // union-find over roots, by process ID
	find := func(id string) string {
		for root[id] != "" && root[id] != id {
			if up := root[root[id]]; up != "" {
				root[id] = up
			}
			id = root[id]
		}
		return id
	}
	top := make(map[string]string, len(t.order))
	for _, p := range t.order {
		parent := t.all[p.Parent]
		if parent == nil || (inits[path.Base(parent.Exe)] && !parent.Drift) {
			top[p.ID] = p.ID
		} else {
			top[p.ID] = top[parent.ID]
		}
	}
	rank := make(map[string]int, len(t.order))
	for i, p := range t.order {
		rank[p.ID] = i
	}
	join := func(a, b string) {
		a, b = find(top[a]), find(top[b])
		if a == b || a == "" || b == "" {
			return
		}
		if rank[b] < rank[a] {
			a, b = b, a
		}
		root[b] = a // the older one names them
	}
	for _, p := range t.order {
		for _, from := range p.PipeFrom {
			join(p.ID, from)
		}
		for _, file := range []string{p.Exe, p.Script} {
			if wr, ok := w.before(file, p.Event); ok && t.all[wr.process] != nil {
				join(p.ID, wr.process)
			}
		}
	}
	for _, p := range t.order {
		p.LineageID = find(top[p.ID])
	}
}
