package sallyport.behaviours.initial_execution["reverse-shell_test"]

import data.sallyport.behaviours.initial_execution["reverse-shell"] as rule
import data.sallyport.fixture as f

c2 := f.endpoint("203.0.113.50", 4444)

# A program connects, puts the connection on its input and output, and becomes a shell.
shell(argv, socket) := f.process(12, argv, {"stdio": [socket, socket, socket]})

connected := {"connect": [f.event(11, "1.0", {"remote": c2, "errno": 115})]}

test_shell_on_outbound_connection if {
	every argv in [
		["/bin/sh", "-i"], ["/bin/bash", "-i"], ["-bash"], ["/usr/bin/python3.11"],
		["/bin/busybox", "sh"], ["/usr/bin/perl", "-"],
	] {
		found := rule.finding with input as f.observation({
			"processes": [shell(argv, f.socket("203.0.113.50", 4444))],
			"events": connected,
		})
		f.malicious(found)
		f.pointed(found)
	}
}

# inetd and tcpserver give a program the connection that they accepted.
test_not_on_accepted_connection if {
	found := rule.finding with input as f.observation({
		"processes": [shell(["/bin/sh"], f.socket("203.0.113.50", 4444))],
		"events": {"accept": [f.event(11, "1.0", {"remote": c2})]},
	})
	count(found) == 0
}

test_not_on_loopback if {
	found := rule.finding with input as f.observation({
		"processes": [shell(["/bin/sh"], f.socket("127.0.0.1", 4444))],
		"events": {"connect": [f.event(11, "1.0", {"remote": f.endpoint("127.0.0.1", 4444)})]},
	})
	count(found) == 0
}

# A script whose output alone goes to a log server is no shell for anybody.
test_not_with_output_only if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(12, ["/bin/sh", "-c", "date"], {"stdio": [null, f.socket("203.0.113.50", 4444), null]})],
		"events": connected,
	})
	count(found) == 0
}

test_not_other_programs if {
	found := rule.finding with input as f.observation({
		"processes": [shell(["/usr/bin/rsync", "--server"], f.socket("203.0.113.50", 4444))],
		"events": connected,
	})
	count(found) == 0
}

# A connection that another, unrelated part of the container opened proves nothing here.
test_not_from_another_lineage if {
	found := rule.finding with input as f.observation({
		"processes": [
			f.process(9, ["/usr/sbin/agent"], {"lineage_id": "9.0"}),
			shell(["/bin/sh"], f.socket("203.0.113.50", 4444)),
		],
		"events": {"connect": [f.event(11, "9.0", {"remote": c2})]},
	})
	count(found) == 0
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["reverse-shell.child", "reverse-shell.exec"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["reverse-shell.accepted-connection", "reverse-shell.loopback", "reverse-shell.no-shell", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
