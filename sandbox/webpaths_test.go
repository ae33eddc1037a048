package sandbox

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

func TestWebPaths(t *testing.T) {
	root := programsOf(t, map[string]string{
		"/var/www/html/index.php":              "<?php echo 1;",
		"/var/www/html/wp/up/deep/x.php":       "<?php system($_GET['k']);",
		"/var/www/html/page.html":              "<p>",
		"/usr/lib/cgi-bin/env":                 "#!/bin/sh\nenv",
		"/srv/shop/app.py":                     "import os\n@app.route(\"/api/run\", methods=['POST'])\ndef f(): open('/etc/motd')\nGET = '/cfg'\n",
		"/srv/shop/old.jsp":                    "<% %>",
		"/srv/shop/notes.txt":                  "'/not-a-program'",
		"/cfg":                                 "a file",
		"/usr/local/tomcat/webapps/a/b.jsp":    "<% Runtime.getRuntime().exec(request.getParameter(\"k\")) %>",
		"/usr/local/tomcat/webapps/ROOT/c.jsp": "<% %>",
	})
	w := newWebPaths(root, &plan{args: []string{"python3", "app.py"}, cwd: "/srv/shop"})
	list := w.list()
	for _, want := range []string{"/index.php", "/wp/up/deep/x.php", "/cgi-bin/env", "/api/run", "/old.jsp", "/a/b.jsp", "/c.jsp"} {
		if !slices.Contains(list, want) {
			t.Errorf("%s is not among %q", want, list)
		}
	}
	for _, bad := range []string{"/page.html", "/cfg", "/etc/motd", "/not-a-program", "/notes.txt", "/html/index.php"} {
		if slices.Contains(list, bad) {
			t.Errorf("%s is among %q", bad, list)
		}
	}
	if at := slices.Index(list, "/wp/up/deep/x.php"); at > slices.Index(list, "/index.php") || at > 1 {
		t.Errorf("what hands on what it is asked does not come first: %q", list)
	}

	// What is written comes before all that.
	for _, e := range []event.Event{
		{Kind: event.Open, Flags: unix.O_WRONLY | unix.O_CREAT, Path: "/var/www/html/img/s.php"},
		{Kind: event.Rename, Path: "/tmp/x", Target: "/srv/shop/up/t.php"},
		{Kind: event.Open, Flags: unix.O_WRONLY | unix.O_CREAT, Path: "/var/www/html/cache/1"},
		{Kind: event.Open, Flags: unix.O_RDONLY, Path: "/var/www/html/read.php"},
		{Kind: event.Open, Flags: unix.O_WRONLY | unix.O_CREAT, Path: "/var/log/app.log"},
		{Kind: event.Open, Flags: unix.O_WRONLY | unix.O_CREAT, Path: "/elsewhere/u.php", Probe: true},
	} {
		w.event(e)
	}
	list = w.list()
	if !slices.Equal(list[:2], []string{"/img/s.php", "/up/t.php"}) || !slices.Contains(list, "/cache/1") {
		t.Errorf("%q", list)
	}
	for _, bad := range []string{"/read.php", "/app.log", "/u.php"} {
		if slices.Contains(list, bad) {
			t.Errorf("%s is among %q", bad, list)
		}
	}

	// A server that is started with a folder serves that.
	w = newWebPaths(root, &plan{args: []string{"/entrypoint"}, cwd: "/"})
	if slices.Contains(w.list(), "/old.jsp") {
		t.Errorf("%q", w.list())
	}
	w.event(event.Event{Kind: event.Exec, Exec: &event.Program{Path: "/usr/bin/serve", Argv: []string{"serve", "--directory=/srv/shop"}}, Task: event.Task{CWD: "/"}})
	if !slices.Contains(w.list(), "/old.jsp") {
		t.Errorf("%q", w.list())
	}
}

// TestWebPathsAreBounded: a guest that writes and starts without end.
func TestWebPathsAreBounded(t *testing.T) {
	w := newWebPaths(programsOf(t, map[string]string{"/a": "x"}), &plan{cwd: "/"})
	for i := range 1000 {
		name := "/d" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
		w.event(event.Event{Kind: event.Open, Flags: unix.O_WRONLY | unix.O_CREAT, Path: name + ".php"})
		w.event(event.Event{Kind: event.Exec, Exec: &event.Program{Path: "/a", Argv: []string{"/a", name}}, Task: event.Task{CWD: name}})
	}
	if len(w.scriptsWritten) > maxWebFiles || len(w.folders) > maxWebFolders || len(w.scripts) > maxWebScripts {
		t.Errorf("%d, %d, %d", len(w.scriptsWritten), len(w.folders), len(w.scripts))
	}
}
