package observation

import (
	"path"
	"slices"
	"strings"
)

// readArguments finds what programs were told to do: which file an interpreter
// runs, and whether the guest wrote that file; whether a program decodes.
func (b *Builder) readArguments() {
	for _, p := range b.tree.order {
		if p.Forked {
			continue
		}
		p.Script = script(p.Exe, p.Argv, p.CWD)
		p.Decodes = decodes(p.Argv)
		if p.Script != "" {
			_, written := b.writes.before(p.Script, p.Event)
			_, left := b.left[p.Script]
			p.ScriptDrift = written || left
		}
	}
}

// interpreter tells how a family of interpreters reads its arguments.
type interpreter struct {
	inline   string // letters of options after which code comes instead of a file
	argument string // letters of options that take an argument
}

var interpreters = map[string]interpreter{
	"sh": {"cs", "oO"}, "bash": {"cs", "oO"}, "dash": {"cs", "oO"}, "ash": {"cs", "oO"},
	"zsh": {"cs", "oO"}, "ksh": {"cs", "oO"},
	"python": {"cm", "WXQ"}, "perl": {"eE", "IM"}, "ruby": {"e", "IrC"},
	"node": {"ep", "rC"}, "nodejs": {"ep", "rC"}, "php": {"r", "cdz"}, "lua": {"e", "l"},
}

// script is the file that an interpreter with these arguments runs: "" when
// it is none, or runs inline code or its input.
func script(exe string, argv []string, cwd string) string {
	if len(argv) == 0 {
		return ""
	}
	name := family(argv[0])
	rest := argv[1:]
	if name == "busybox" && len(rest) > 0 {
		name, rest = family(rest[0]), rest[1:]
	}
	how, ok := interpreters[name]
	if !ok {
		// Whatever it calls itself, /bin/sh is a shell.
		if how, ok = interpreters[family(exe)]; !ok {
			return ""
		}
		name = family(exe)
	}
	for i := 0; i < len(rest); i++ {
		a := rest[i]
		switch {
		case a == "--":
			if i+1 < len(rest) {
				return cleanPath(rest[i+1], cwd)
			}
			return ""
		case a == "-" || a == "":
			return ""
		case name == "php" && a == "-f" && i+1 < len(rest):
			return cleanPath(rest[i+1], cwd)
		case strings.HasPrefix(a, "--"):
			if a == "--eval" || a == "--print" || strings.HasPrefix(a, "--eval=") {
				return ""
			}
		case a[0] == '-' || (a[0] == '+' && len(a) > 1):
			if strings.ContainsAny(a[1:], how.inline) && a[0] == '-' {
				return ""
			}
			if len(a) == 2 && strings.Contains(how.argument, a[1:]) {
				i++
			}
		default:
			return cleanPath(a, cwd)
		}
	}
	return ""
}

// family is the name of a program without folder, login dash and version:
// "python3.11" is "python".
func family(name string) string {
	name = strings.TrimPrefix(path.Base(name), "-")
	return strings.TrimRight(name, "0123456789.-")
}

// names is what p goes by: "/bin/busybox" run as "-sh" is busybox and sh, and
// "/usr/bin/python3.11" is python3.11 and python.
func names(p *Process) []string {
	var list []string
	add := func(name string) {
		for _, n := range []string{strings.TrimPrefix(path.Base(name), "-"), family(name)} {
			if n != "" && n != "." && !slices.Contains(list, n) {
				list = append(list, n)
			}
		}
	}
	add(p.Exe)
	if len(p.Argv) > 0 {
		add(p.Argv[0])
		if base := path.Base(p.Argv[0]); len(p.Argv) > 1 && (base == "busybox" || base == "toybox") {
			add(p.Argv[1])
		}
	}
	return orEmpty(list)
}
