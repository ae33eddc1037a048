package sallyport.behaviours.initial_execution["bind-shell_test"]

import data.sallyport.behaviours.initial_execution["bind-shell"] as rule
import data.sallyport.fixture as f

visitor := f.endpoint("203.0.113.50", 40001)

accepted := {"accept": [f.event(11, "9.0", {"remote": visitor, "local": f.endpoint("10.0.2.15", 31337)})]}

run(argv, socket, parts) := f.observation({"processes": [f.process(9, ["/app"], {}), f.process(12, argv, object.union({"stdio": [socket, socket, socket]}, parts))], "events": accepted})

test_shell_on_accepted_connection if {
	every argv in [["/bin/sh"], ["/bin/bash", "-i"], ["/bin/busybox", "sh"], ["/usr/bin/python3"]] {
		found := rule.finding with input as run(argv, f.socket("203.0.113.50", 40001), {})
		f.malicious(found)
		f.pointed(found)
	}
}

# inetd and tcpserver start a script or a command that was written for it.
test_not_handler if {
	count(rule.finding) == 0 with input as run(["/bin/sh", "/srv/handler.sh"], f.socket("203.0.113.50", 40001), {"script": "/srv/handler.sh"})
	count(rule.finding) == 0 with input as run(["/bin/sh", "-c", "date"], f.socket("203.0.113.50", 40001), {})
	count(rule.finding) == 0 with input as run(["/usr/sbin/in.ftpd"], f.socket("203.0.113.50", 40001), {})
}

test_not_outbound_or_loopback if {
	count(rule.finding) == 0 with input as run(["/bin/sh"], f.socket("203.0.113.99", 4444), {})
	count(rule.finding) == 0 with input as run(["/bin/sh"], f.socket("127.0.0.1", 40001), {})
}

# mkfifo f; nc -l -p 31337 < f | sh > f
fifo(listener, argv) := f.observation({
	"processes": [
		f.process(20, listener, {"stdio": [{"kind": "file", "path": "/tmp/f"}, f.pipe(70), null]}),
		f.process(21, argv, {"stdio": [f.pipe(70), {"kind": "file", "path": "/tmp/f"}, null], "pipe_from": ["20.0"]}),
	],
	"events": {
		"mknod": [f.event(5, "1.0", {"path": "/tmp/f", "mode": 4516})],
		"accept": [f.event(30, "20.0", {"remote": visitor, "local": f.endpoint("10.0.2.15", 31337)})],
	},
})

test_by_a_pipe_with_a_name if f.malicious(rule.finding) with input as fifo(["/bin/nc", "-l", "-p", "31337"], ["/bin/sh"])

test_not_echo_server if count(rule.finding) == 0 with input as fifo(["/bin/nc", "-l", "-p", "7"], ["/bin/cat"])

# visited is our own probe, and what it was told.
visited(answer) := f.observation({"processes": [f.process(9, ["/app"], {})], "flows": [f.flow("9.0", "10.0.2.15", 31337, {
	"inbound": true, "probe": true,
	"in": `\x0aid\x0aecho ABCDEFGHIJKLMNOPQRSTUVWXYZ\x0aecho $((7*191))ABCDEFGHIJKLMNOPQRSTUVWXYZ\x0a`, "out": answer,
})]})

test_answers_as_a_shell if {
	found := rule.finding with input as visited(`uid=0(root)\x0aABCDEFGHIJKLMNOPQRSTUVWXYZ\x0a1337ABCDEFGHIJKLMNOPQRSTUVWXYZ\x0a`)
	f.malicious(found)
	f.pointed(found)
}

test_not_repeating if {
	count(rule.finding) == 0 with input as visited(`id\x0aecho ABCDEFGHIJKLMNOPQRSTUVWXYZ\x0aecho $((7*191))ABCDEFGHIJKLMNOPQRSTUVWXYZ\x0a`)
	count(rule.finding) == 0 with input as visited(`1337`)
	count(rule.finding) == 0 with input as visited("")
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["bind-shell.port", "bind-shell.fifo", "bind-shell.second-port", "bind-shell.line-by-line", "bind-shell.after-ten-minutes"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["bind-shell.handler-script", "bind-shell.echo-server", "reverse-shell.exec", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
