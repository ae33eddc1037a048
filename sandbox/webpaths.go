package sandbox

import (
	"bytes"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
)

// webPaths finds out where a guest's web server may answer without saying so:
// what the guest writes below document roots, scripts that lie there in the
// image, and paths that its programs name. Its methods are safe for concurrent
// use.
type webPaths struct {
	root *rootfs.Root

	mu                           sync.Mutex
	scriptsWritten, otherWritten []string // files

	folders []string // in which programs ran, or which they were told of
	scripts []string // that were run
	looked  int      // folders and scripts that were looked into
	image   []string // paths by what the image holds
	left    int      // entries of folders that may still be looked at
	unread  int64    // bytes that may still be read
}

// Caps on what is kept and looked at: what a guest writes and starts is foreign.
const (
	maxWebFiles    = 32
	maxWebFolders  = 32
	maxWebScripts  = 16
	maxWebEntries  = 4000
	maxWebDepth    = 8
	maxWebPaths    = 24        // of one folder or script
	maxScriptBytes = 256 << 10 // of a script that is read
	maxWebBytes    = 16 << 20  // of all of them
)

// documentRoots are where distributions and official images of web servers
// have what is served, and below which path it is.
var documentRoots = map[string]string{
	"/var/www/html": "", "/var/www/html/public": "", "/var/www/public": "", "/var/www": "", "/var/www/cgi-bin": "/cgi-bin",
	"/usr/lib/cgi-bin": "/cgi-bin", "/usr/local/apache2/htdocs": "", "/usr/local/apache2/cgi-bin": "/cgi-bin",
	"/usr/share/nginx/html": "", "/var/lib/nginx/html": "", "/usr/share/caddy": "", "/srv/http": "", "/srv/www": "", "/srv/www/htdocs": "",
	"/www": "", "/htdocs": "", "/public": "", "/app/public": "", "/usr/local/tomcat/webapps": "", "/usr/local/tomcat/webapps/ROOT": "",
	"/var/lib/tomcat9/webapps": "", "/var/lib/tomcat9/webapps/ROOT": "", "/var/lib/tomcat10/webapps": "", "/var/lib/tomcat10/webapps/ROOT": "",
	"/var/lib/jetty/webapps": "", "/opt/bitnami/apache/htdocs": "", "/opt/bitnami/nginx/html": "",
}

var (
	// webScripts run where web servers find them; cgiScripts, where they are told to.
	webScripts = []string{".php", ".phtml", ".php5", ".php7", ".jsp", ".jspx", ".cgi", ".fcgi"}
	cgiScripts = []string{".py", ".pl", ".sh", ".rb", ".lua", ""}
	// ofSystem are folders that nobody serves.
	ofSystem = []string{"/", "/bin", "/etc", "/lib", "/opt", "/root", "/run", "/sbin", "/tmp", "/usr", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/var"}
	// quoted is a path as programs of most languages name it.
	quoted = regexp.MustCompile("[\"'`](/[A-Za-z0-9_][A-Za-z0-9_.\\-/]{0,100})[\"'`]")
	// ofFiles begin paths that are files', not a server's.
	ofFiles = regexp.MustCompile(`^/(bin|dev|etc|home|lib|lib64|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var)(/|$)`)
	// takes and runs: a script that does both hands on what it is asked.
	takes = regexp.MustCompile(`\$_(GET|POST|REQUEST|COOKIE|SERVER)|getParameter|getHeader|QUERY_STRING|php://input`)
	runs  = regexp.MustCompile("\\b(system|shell_exec|passthru|popen|proc_open|pcntl_exec|eval|assert|exec)\\b|getRuntime|ProcessBuilder|`")
)

func newWebPaths(root *rootfs.Root, p *plan) *webPaths {
	w := &webPaths{root: root}
	w.started(p.args, p.cwd)
	return w
}

// event notes what a guest starts and writes.
func (w *webPaths) event(e event.Event) {
	switch {
	case e.Probe || e.Errno != 0:
	case (e.Kind == event.Exec || e.Kind == event.Start) && e.Exec != nil:
		w.started(append([]string{e.Exec.Path}, e.Exec.Argv...), e.Task.CWD)
	case e.Changes():
		w.wrote(e.Path)
	case e.Kind == event.Rename:
		w.wrote(e.Target)
	}
}

func (w *webPaths) started(args []string, cwd string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.folders) == maxWebFolders && len(w.scripts) == maxWebScripts {
		return // a guest may start any number of programs
	}
	note := func(list *[]string, most int, name string) {
		if len(*list) < most && !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	if path.IsAbs(cwd) && !slices.Contains(ofSystem, path.Clean(cwd)) {
		note(&w.folders, maxWebFolders, path.Clean(cwd))
	}
	for _, arg := range args[:min(len(args), 16)] {
		if _, value, ok := strings.Cut(arg, "="); ok {
			arg = value
		}
		if arg == "" || strings.ContainsAny(arg, " \n") {
			continue
		}
		if !path.IsAbs(arg) {
			arg = path.Join("/", cwd, arg)
		}
		arg = path.Clean(arg)
		switch e, err := w.root.Stat(arg); {
		case (err != nil || e.Mode.IsDir()) && !slices.Contains(ofSystem, arg): // one that is not in the image may be made
			note(&w.folders, maxWebFolders, arg)
		case err == nil && e.Mode.IsRegular() && e.Size <= maxScriptBytes:
			note(&w.scripts, maxWebScripts, arg)
		}
	}
}

func (w *webPaths) wrote(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, served := under(name, w.folders)
	list, most := &w.scriptsWritten, maxWebFiles
	if !isWebScript(name) && !strings.Contains(name, "/cgi-bin/") {
		list, most = &w.otherWritten, maxWebFiles/4
		if !served {
			return
		}
	}
	if len(*list) < most && !slices.Contains(*list, name) {
		*list = append(*list, name)
	}
}

func isWebScript(name string) bool { return slices.Contains(webScripts, path.Ext(name)) }

// under is the paths by which a file may be served. sure is true when it lies in
// a document root; else the paths are guesses, by each folder of which something
// is known.
func under(name string, folders []string) (list []string, sure bool) {
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		if below, known := documentRoots[dir]; known {
			return append(list, path.Join("/", below, strings.TrimPrefix(name, dir))), true
		}
		if slices.Contains(folders, dir) && path.Base(dir) != "cgi-bin" {
			list = append(list, strings.TrimPrefix(name, dir))
		}
		if dir == "/" || dir == "." {
			break
		}
	}
	if i := strings.Index(name, "/cgi-bin/"); i >= 0 {
		list = append(list, name[i:])
	}
	if len(list) == 0 {
		list = []string{"/" + path.Base(name)}
	}
	return list, false
}

// list is the paths that are known by now, the most promising first.
func (w *webPaths) list() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.folders) + len(w.scripts); n != w.looked || w.image == nil {
		w.looked, w.image = n, w.look()
	}
	all := make([]string, 0, len(w.scriptsWritten)+len(w.image)+len(w.otherWritten))
	add := func(files []string) {
		for _, name := range files {
			paths, _ := under(name, w.folders)
			all = append(all, paths...)
		}
	}
	add(w.scriptsWritten)
	all = append(all, w.image...)
	add(w.otherWritten)
	return all
}

// look reads what the image holds. w.mu is held.
func (w *webPaths) look() []string {
	w.left, w.unread = maxWebEntries, maxWebBytes
	var likely, others, named []string
	seen := map[string]bool{}
	roots := slices.Clone(w.folders)
	for dir := range documentRoots {
		if !slices.Contains(roots, dir) {
			roots = append(roots, dir)
		}
	}
	slices.SortFunc(roots, func(a, b string) int { // those of which most is known first
		known := func(dir string) int { return slices.Index(w.folders, dir) }
		if c := known(b) - known(a); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	for _, dir := range roots {
		for _, name := range w.scriptsIn(dir) {
			list := &others
			if text := w.read(name); takes.Match(text) && runs.Match(text) {
				list = &likely
			}
			paths, _ := under(name, w.folders)
			for _, at := range paths {
				if !seen[at] {
					seen[at], *list = true, append(*list, at)
				}
			}
		}
	}
	for _, name := range slices.Concat(w.scripts, w.modules()) {
		for _, m := range quoted.FindAllSubmatch(w.read(name), maxWebPaths) {
			if at := string(m[1]); !ofFiles.MatchString(at) && !w.root.Exists(at) && !seen[at] {
				seen[at], named = true, append(named, at)
			}
		}
	}
	return append(append(likely, named[:min(len(named), maxWebPaths)]...), others[:min(len(others), maxWebPaths)]...)
}

// scriptsIn lists scripts in and below dir, the shallowest first.
func (w *webPaths) scriptsIn(dir string) (files []string) {
	level := []string{dir}
	for depth := 0; depth < maxWebDepth && len(level) > 0; depth++ {
		var next []string
		for _, folder := range level {
			names, err := w.root.ReadDir(folder)
			if err != nil {
				continue
			}
			for _, base := range names {
				if w.left--; w.left < 0 {
					return files
				}
				name := path.Join(folder, base)
				e, err := w.root.Lstat(name)
				switch {
				case err != nil:
				case e.Mode.IsDir():
					next = append(next, name)
				case isWebScript(name), strings.Contains(name, "/cgi-bin/") && slices.Contains(cgiScripts, path.Ext(name)):
					files = append(files, name)
				}
			}
		}
		level = next
	}
	return files
}

// modules are what interpreters load from the folder that they are started in.
func (w *webPaths) modules() (files []string) {
	for _, dir := range w.folders {
		names, _ := w.root.ReadDir(dir)
		for _, base := range names[:min(len(names), 256)] {
			if slices.Contains([]string{".py", ".js", ".mjs", ".cjs", ".rb", ".pl"}, path.Ext(base)) && len(files) < maxWebScripts {
				files = append(files, path.Join(dir, base))
			}
		}
	}
	return files
}

// read is the beginning of a script of the image; nothing of what is no text.
func (w *webPaths) read(name string) []byte {
	f, err := w.root.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, min(maxScriptBytes, w.unread))) // what there is
	w.unread -= int64(len(text))
	if bytes.IndexByte(text[:min(len(text), 512)], 0) >= 0 {
		return nil
	}
	return text
}
