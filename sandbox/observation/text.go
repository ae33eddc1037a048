package observation

import (
	"path"
	"regexp"
	"strings"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// What is kept of one program's arguments and environment, in bytes.
const (
	maxArgv = 16 << 10
	maxEnv  = 8 << 10
)

// normalise makes paths and addresses comparable, whichever way the guest wrote them.
func normalise(e *event.Event, own map[string]bool) {
	e.Local, e.Remote = scoped(e.Local, own), scoped(e.Remote, own)
	if (e.Kind == event.Chroot || e.Kind == event.PivotRoot) && throughProc.MatchString(path.Clean(e.Path)) {
		e.Name = e.Path // into the root of another process: that is what it is about
	}
	e.Path = cleanPath(e.Path, e.Task.CWD)
	if e.Kind == event.Mount || e.Kind == event.Symlink {
		// A mount's source may be no path ("tmpfs"); a link's target is kept as written.
		if strings.HasPrefix(e.Target, "/") {
			e.Target = cleanPath(e.Target, "/")
		}
	} else {
		e.Target = cleanPath(e.Target, e.Task.CWD)
	}
	if e.Exec != nil {
		p := *e.Exec
		p.Path = cleanPath(p.Path, e.Task.CWD)
		for i, fd := range p.Stdio {
			if fd == nil {
				continue
			}
			c := *fd
			c.Local, c.Remote = scoped(c.Local, own), scoped(c.Remote, own)
			if c.Kind == "file" {
				c.Path = cleanPath(c.Path, "/")
			}
			p.Stdio[i] = &c
		}
		e.Exec = &p
	}
}

// throughProc is a path that goes round by some process' root directory.
var throughProc = regexp.MustCompile(`^/proc/(self|thread-self|[0-9]+)/(task/[0-9]+/)?root(/|$)`)

func cleanPath(p, cwd string) string {
	if p == "" || strings.HasPrefix(p, "pipe:") || strings.HasPrefix(p, "socket:") {
		return p
	}
	if len(p) > event.MaxPath {
		p = p[:event.MaxPath]
	}
	if !strings.HasPrefix(p, "/") {
		if !strings.HasPrefix(cwd, "/") {
			return p
		}
		p = cwd + "/" + p
	}
	p = path.Clean(p)
	for range 8 { // a hostile path may go round often
		loc := throughProc.FindStringIndex(p)
		if loc == nil {
			break
		}
		p = path.Clean("/" + p[loc[1]:])
	}
	return p
}

// cutProgram bounds what is kept of a program.
func cutProgram(p *event.Program) *event.Program {
	if p == nil {
		return nil
	}
	c := *p
	c.Argv = cutTexts(p.Argv, maxArgv)
	c.Env = cutTexts(p.Env, maxEnv)
	return &c
}

// cutTexts keeps the first elements, up to max bytes together.
func cutTexts(list []string, max int) []string {
	out := make([]string, 0, min(len(list), event.MaxArgs))
	for _, s := range list {
		if len(out) == event.MaxArgs || max <= 0 {
			break
		}
		if len(s) > max {
			s = s[:max]
		}
		max -= len(s) + 1
		out = append(out, s)
	}
	return out
}

func textSize(list []string) int {
	n := 0
	for _, s := range list {
		n += len(s)
	}
	return n
}

// Printable writes bytes of the guest as the observation keeps them: printable
// ASCII, the rest as \xNN.
func Printable(b []byte) string { return event.Printable(b) }
