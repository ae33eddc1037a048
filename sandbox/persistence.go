package sandbox

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// Caps on what is run of what a guest left behind.
const (
	maxHookFile = 64 << 10 // bytes of a file that is read
	maxHooks    = 32       // commands
	maxHook     = 4 << 10  // bytes of one
)

// hook is a place from which something else runs what is put there, and how.
type hook struct {
	place *regexp.Regexp
	run   func(f hookFile) []string
}

// hookFile is a file that a guest wrote in such a place.
type hookFile struct {
	path    string
	program bool     // it may be executed
	added   []string // lines that are not in the image's file of that name
	root    exister
}

// exister tells what an image has.
type exister interface{ Exists(name string) bool }

// hooks are those of cron(8), crontab(5), at(1), init(5), systemd.service(5), of
// shells (bash(1), INVOCATION), of Python (site), of ld.so(8) and of desktops.
var hooks = []hook{
	{regexp.MustCompile(`^/etc/(crontab|cron\.d/[^/]+)$`), func(f hookFile) []string { return timetable(f.added, true) }},
	{regexp.MustCompile(`^/(var/spool/cron(/crontabs)?|etc/crontabs)/[^/]+$`), func(f hookFile) []string { return timetable(f.added, false) }},
	{regexp.MustCompile(`^/etc/(cron\.(hourly|daily|weekly|monthly)|periodic/[^/]+|update-motd\.d)/[^/]+$`), started("")},
	{regexp.MustCompile(`^/var/spool/(cron/atjobs|at)/[^./][^/]*$`), func(f hookFile) []string { return []string{"sh " + quote(f.path)} }},
	{regexp.MustCompile(`^/etc/(rc\.local|init\.d/[^/]+|rc[0-9S]\.d/S[^/]+|local\.d/[^/]+\.start)$`), started(" start")},
	{regexp.MustCompile(`^/etc/inittab$`), func(f hookFile) []string { return inittab(f.added) }},
	{regexp.MustCompile(`/systemd/(system|user)/[^/]+\.service$`), func(f hookFile) []string { return unit(f.added) }},
	{regexp.MustCompile(`^(/etc/(profile|bash\.bashrc|bashrc|profile\.d/[^/]+\.sh)|(/root|/home/[^/]+)/\.(bashrc|bash_profile|bash_login|bash_aliases|profile))$`), login},
	{regexp.MustCompile(`/(site|dist)-packages/([^/]+\.pth|(site|user)customize\.py)$`), start("/usr/local/bin/python3", "/usr/bin/python3", "/usr/local/bin/python", "/usr/bin/python")},
	{regexp.MustCompile(`^/etc/ld\.so\.preload$`), start("/bin/true", "/usr/bin/true", "/bin/ls")},
	{regexp.MustCompile(`/autostart/[^/]+\.desktop$`), func(f hookFile) []string { return after(f.added, "Exec=") }},
}

// started runs a file as a program, or has a shell read it.
func started(argument string) func(hookFile) []string {
	return func(f hookFile) []string {
		if f.program {
			return []string{quote(f.path) + argument}
		}
		return []string{"sh " + quote(f.path) + argument}
	}
}

// login reads a file as a shell does that somebody logs in to.
func login(f hookFile) []string {
	if bash := present(f.root, "/bin/bash", "/usr/bin/bash"); bash != "" {
		return []string{bash + " --rcfile " + quote(f.path) + " -i </dev/null"}
	}
	return []string{"PS1='$ '; . " + quote(f.path)}
}

// start starts one of some programs, whichever the image has, without input.
func start(programs ...string) func(hookFile) []string {
	return func(f hookFile) []string {
		if p := present(f.root, programs...); p != "" {
			return []string{p + " </dev/null"}
		}
		return nil
	}
}

// present is the first of some programs that the image has; "" for none.
func present(root exister, programs ...string) string {
	i := slices.IndexFunc(programs, root.Exists)
	if i < 0 {
		return ""
	}
	return programs[i]
}

// timetable is the commands of crontab(5); user tells whether each line names one.
func timetable(lines []string, user bool) []string {
	var list []string
	for _, line := range lines {
		fields := 5
		if strings.HasPrefix(line, "@") {
			fields = 1
		} else if line[0] != '*' && (line[0] < '0' || line[0] > '9') {
			continue // a variable
		}
		if user {
			fields++
		}
		if command := behind(line, fields); command != "" {
			command, _, _ = strings.Cut(strings.ReplaceAll(command, `\%`, "\x00"), "%") // what follows is its input
			list = append(list, strings.ReplaceAll(command, "\x00", "%"))
		}
	}
	return list
}

// behind is what comes after n fields.
func behind(line string, n int) string {
	for range n {
		i := strings.IndexAny(line, " \t")
		if i < 0 {
			return ""
		}
		line = strings.TrimLeft(line[i:], " \t")
	}
	return line
}

// inittab is the processes of inittab(5).
func inittab(lines []string) []string {
	var list []string
	for _, line := range lines {
		if parts := strings.SplitN(line, ":", 4); len(parts) == 4 && parts[3] != "" {
			list = append(list, parts[3])
		}
	}
	return list
}

// unit is what a service of systemd starts.
func unit(lines []string) []string {
	var list []string
	for _, c := range slices.Concat(after(lines, "ExecStartPre="), after(lines, "ExecStart="), after(lines, "ExecStartPost=")) {
		if c = strings.TrimLeft(c, "-@:+!"); c != "" {
			list = append(list, c)
		}
	}
	return list
}

func after(lines []string, key string) []string {
	var list []string
	for _, line := range lines {
		if v, ok := strings.CutPrefix(line, key); ok && v != "" {
			list = append(list, v)
		}
	}
	return list
}

// quote makes one word of s for a shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// newLines is the lines of a text that are no comments and not in before.
func newLines(text, before string) []string {
	known := map[string]bool{}
	for line := range strings.Lines(before) {
		known[strings.TrimSpace(line)] = true
	}
	var list []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && !known[line] {
			list = append(list, line)
		}
	}
	return list
}

// planted lists what a pass left to be run later by something else than its
// program, in the order of the files' names, each command once.
func (p *pass) planted() ([]observation.Hook, error) {
	f, err := os.Open(p.file(protocol.FSDiff))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	byPath := map[string][]string{}
	err = runtime.ReadDiff(f, p.injected, func(c runtime.Change) error {
		i := slices.IndexFunc(hooks, func(h hook) bool { return h.place.MatchString(c.Path) })
		if i < 0 || c.Deleted || c.Header.Typeflag != tar.TypeReg && c.Header.Typeflag != tar.TypeSymlink {
			return nil
		}
		text := ""
		if c.Header.Typeflag == tar.TypeReg {
			b, err := io.ReadAll(io.LimitReader(c.Content, maxHookFile))
			if err != nil {
				return err
			}
			text = string(b)
		}
		before, _ := p.run.root.ReadFile(c.Path, maxHookFile)
		byPath[c.Path] = hooks[i].run(hookFile{
			path: c.Path, program: c.Header.Mode&0o111 != 0, added: newLines(text, string(before)), root: p.run.root,
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	var list []observation.Hook
	for _, name := range slices.Sorted(maps.Keys(byPath)) {
		for _, command := range byPath[name] {
			known := slices.ContainsFunc(list, func(h observation.Hook) bool { return h.Command == command })
			if len(list) < maxHooks && len(command) <= maxHook && !strings.ContainsRune(command, 0) && !known {
				list = append(list, observation.Hook{Path: name, Command: command})
			}
		}
	}
	return list, nil
}

// runAll is a program that runs commands at the same time, each as cron would.
func runAll(root exister, commands []string) ([]string, error) {
	if shell := present(root, "/bin/sh", "/bin/dash", "/bin/bash", "/usr/bin/sh"); shell != "" {
		return append([]string{shell, "-c", fmt.Sprintf(`for c; do %s -c "$c" & done; wait`, shell), path.Base(shell)}, commands...), nil
	}
	return nil, errors.New("the image has no shell to run it with")
}
