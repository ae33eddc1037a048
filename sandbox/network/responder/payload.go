package responder

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// Payloads are what is served to a guest that fetches programs. They are
// harmless, and tell when they are run.
type Payloads struct {
	Script []byte
	ELF    map[string][]byte // by CPU as Go spells it
	Arch   string            // the guest's
}

// payloads serves them for whatever looks like the download of a program.
type payloads struct{ Payloads }

func (s *payloads) answer(r *request) *answer {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil
	}
	name := strings.ToLower(path.Base(r.URL.Path))
	switch {
	case isScript(name):
		return &answer{status: http.StatusOK, kind: "text/x-shellscript", body: s.Script, payload: "script"}
	case isProgram(name) || isBareName(name) && isDownloader(r.UserAgent()) && !isInterface(r.URL.Path):
		if isInstaller(name) {
			return &answer{status: http.StatusOK, kind: "text/plain", body: s.Script, payload: "script"}
		}
		program, ok := s.ELF[s.cpu(strings.ToLower(r.URL.RequestURI()))]
		if !ok {
			return nil
		}
		return &answer{status: http.StatusOK, kind: "application/octet-stream", body: program, payload: "elf"}
	}
	return nil
}

func isScript(name string) bool {
	return slices.Contains([]string{".sh", ".bash", ".ash", ".ksh", ".zsh"}, path.Ext(name))
}

// programEnds are the last words of a program's name, most of them CPUs.
var programEnds = []string{
	"elf", "bin", "run", "out", "so", "ko", "x86", "x86_64", "x64", "amd64", "i386", "i586", "i686", "386",
	"arm", "arm4", "arm5", "arm6", "arm7", "armv7l", "arm64", "aarch64", "mips", "mipsel", "mpsl", "mips64", "ppc", "ppc64le", "sh4", "m68k", "spc", "riscv64", "s390x",
}

func isProgram(name string) bool {
	words := strings.FieldsFunc(name, func(c rune) bool { return c == '.' || c == '-' })
	return len(words) > 1 && slices.Contains(programEnds, words[len(words)-1]) ||
		strings.HasSuffix(name, "_amd64") || strings.HasSuffix(name, "_arm64") || strings.HasSuffix(name, "x86_64") ||
		len(words) == 1 && slices.Contains(programEnds, words[0])
}

func isBareName(name string) bool { return name != "/" && name != "." && !strings.Contains(name, ".") }

// isInstaller tells whether a name without an ending is rather a script, which
// is piped into a shell. (Executed as a file, the script works as well.)
func isInstaller(name string) bool {
	for _, word := range []string{"install", "setup", "init", "boot", "loader", "update", "script", "get"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return len(name) <= 2
}

// isInterface tells whether a path is rather asked by a program for an answer.
func isInterface(p string) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(strings.ToLower(p), "/"), "/")
	name := strings.ToLower(path.Base(p))
	return slices.Contains([]string{"api", "v1", "v2", "v3", "latest", "rest", "graphql"}, first) ||
		slices.Contains([]string{"health", "healthz", "ready", "readyz", "status", "metrics", "ip", "ping", "version", "json", "index", "login"}, name)
}

func isDownloader(agent string) bool {
	agent = strings.ToLower(agent)
	if agent == "" {
		return true
	}
	for _, known := range []string{"curl", "wget", "fetch", "busybox", "python", "libwww", "go-http-client", "lwp", "aria2", "axel"} {
		if strings.Contains(agent, known) {
			return true
		}
	}
	return false
}

// cpus is the words by which uname, distributions and botnets name CPUs.
var cpus = map[string]string{
	"x86_64": "amd64", "amd64": "amd64", "x64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv8": "arm64",
	"arm": "arm", "arm4": "arm", "arm4l": "arm", "arm5": "arm", "arm5n": "arm", "arm6": "arm", "arm7": "arm", "armv4l": "arm", "armv5l": "arm", "armv6l": "arm", "armv7l": "arm", "armhf": "arm", "armel": "arm",
	"mips": "mips", "mips64": "mips", "mpsl": "mipsle", "mipsel": "mipsle", "mipsle": "mipsle", "ppc": "ppc", "powerpc": "ppc", "ppc440fp": "ppc",
}

// cpu is what was asked for, by the last word that names one. What the guest's
// CPU would run as well is given to it as its own, so that it runs here, too.
func (s *payloads) cpu(uri string) string {
	uri = strings.ReplaceAll(uri, "x86-64", "x86_64")
	words := strings.FieldsFunc(uri, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_')
	})
	for _, word := range slices.Backward(words) {
		arch, ok := cpus[word]
		for rest := word; !ok && strings.Contains(rest, "_"); { // as in agent_linux_amd64
			_, rest, _ = strings.Cut(rest, "_")
			arch, ok = cpus[rest]
		}
		if ok && !(arch == "arm" && s.Arch == "arm64") {
			return arch
		}
	}
	for _, word := range []string{"x86_64", "amd64", "aarch64", "arm64"} { // unmistakable, also within another
		if strings.Contains(uri, word) {
			return cpus[word]
		}
	}
	return s.Arch
}
