package sallyport.behaviours.communication["irc-c2_test"]

import data.sallyport.behaviours.communication["irc-c2"] as rule
import data.sallyport.fixture as f

hello := `NICK x71\x0d\x0aUSER x 0 * :x\x0d\x0aJOIN #c\x0d\x0a`

chat(process, messages) := f.flow(process, "203.0.113.9", 6667, {"app": "irc", "out": hello, "messages": messages})

order := {"ms": 600, "out": false, "type": "PRIVMSG", "fields": {"target": "#c", "text": "!sh echo r4nd0m"}}

test_new_program_is_malicious if {
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/tmp/bot"], {"drift": true})], "flows": [chat("30.0", [])]})
	f.malicious(found)
	f.pointed(found)
}

test_posing_as_kernel_thread_is_malicious if {
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["[kswapd0]"], {"exe": "/usr/bin/x"})], "flows": [chat("30.0", [])]})
	f.malicious(found)
}

test_command_that_runs_is_malicious if {
	every argv in [["/bin/sh", "-c", "echo r4nd0m"], ["/bin/echo", "r4nd0m"]] {
		found := rule.finding with input as f.observation({
			"processes": [
				f.process(30, ["/app/chat"], {}),
				f.process(70, argv, {"parent": "30.0", "start_ms": 700}),
			],
			"flows": [chat("30.0", [order])],
		})
		f.malicious(found)
	}
}

test_unknown_client_is_high if {
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/app/chat"], {})], "flows": [chat("30.0", [order])]})
	count(found) == 1
	not f.malicious(found)
}

# What it starts without being told is its own affair.
test_own_children_are_no_proof if {
	found := rule.finding with input as f.observation({
		"processes": [
			f.process(30, ["/app/chat"], {}),
			f.process(70, ["/bin/sh", "-c", "date +%s"], {"parent": "30.0", "start_ms": 700}),
		],
		"flows": [chat("30.0", [order])],
	})
	not f.malicious(found)
}

test_on_any_port_by_its_first_bytes if {
	flow := object.union(chat("30.0", []), {"dst_port": 8080, "app": "raw"})
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/app/chat"], {})], "flows": [flow]})
	count(found) == 1
}

test_not_packaged_clients if {
	every p in [
		f.process(30, ["/usr/bin/irssi"], {}),
		f.process(30, ["/usr/bin/znc", "-f"], {}),
		f.process(30, ["/usr/bin/python3", "/usr/bin/limnoria"], {"script": "/usr/bin/limnoria"}),
	] {
		found := rule.finding with input as f.observation({"processes": [p], "flows": [chat("30.0", [])]})
		count(found) == 0
	}
}

# FTP and POP3 know USER, but no NICK.
test_not_ftp if {
	flow := f.flow("30.0", "203.0.113.9", 21, {"app": "ftp", "out": `USER anonymous\x0d\x0aPASS x\x0d\x0a`})
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/app/ftp"], {})], "flows": [flow]})
	count(found) == 0
}

test_not_words_in_a_web_form if {
	posted := concat(`\x0d\x0a`, ["POST /register HTTP/1.1", "Host: forum.example", "", "NICK alice", "USER alice 0 * :alice"])
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["/app/chat"], {})],
		"flows": [f.flow("30.0", "203.0.113.9", 80, {"app": "http", "out": posted})],
	})
	count(found) == 0
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["irc-c2.bot", "irc-c2.odd-port"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["irc-c2.words-in-a-form", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
