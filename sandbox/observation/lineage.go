package observation

import (
	"cmp"
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

// sharedSockets are those of services that everything speaks to.
var sharedSockets = []string{"/dev/log", "/run/dbus/", "/var/run/dbus/", "/run/nscd/", "/var/run/nscd/", "/run/systemd/"}

// conversations is the pairs of processes that a socket inside of the guest connects.
func (b *Builder) conversations() [][2]string {
	var pairs [][2]string
	seen := map[[2]string]bool{}
	add := func(client, server string) {
		pair := [2]string{client, server}
		if client != server && !seen[pair] && len(pairs) < maxConnections {
			seen[pair] = true
			pairs = append(pairs, pair)
		}
	}
	servers := map[string]string{} // by path of a Unix socket
	for _, e := range b.o.Events[event.Listen] {
		if e.Local != nil && e.Local.Family == "unix" && e.Local.Path != "" {
			servers[e.Local.Path] = e.Process
		}
	}
	for _, e := range b.o.Events[event.Connect] {
		if e.Remote == nil || e.Remote.Family != "unix" || e.Errno != 0 {
			continue
		}
		shared := slices.ContainsFunc(sharedSockets, func(p string) bool { return strings.HasPrefix(e.Remote.Path, p) })
		if server := servers[e.Remote.Path]; server != "" && !shared {
			add(e.Process, server)
		}
	}
	b.conns.within(add)
	slices.SortFunc(pairs, func(x, y [2]string) int { return cmp.Or(strings.Compare(x[0], y[0]), strings.Compare(x[1], y[1])) })
	return pairs
}

// lineages gives everything that belongs together the same LineageID: the
// processes below one root, those joined by a pipe, whoever runs a file with
// whoever wrote it, and a program that did not come with the image with those
// to which it speaks by a socket inside of the guest: programs of the image
// speak to one another in every image. What an init system starts are separate roots,
// and so is what we start.
func (t *tree) lineages(w writes, spoken [][2]string) {
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
		if parent == nil || parent.Probe || (inits[path.Base(parent.Exe)] && !parent.Drift) {
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
	for _, pair := range spoken {
		a, b := t.all[pair[0]], t.all[pair[1]]
		if a != nil && b != nil && (a.Drift || b.Drift || a.ScriptDrift || b.ScriptDrift) {
			join(a.ID, b.ID)
		}
	}
	for _, p := range t.order {
		p.LineageID = find(top[p.ID])
	}
}
