package sallyport.behaviours.initial_execution["shell-devtcp_test"]

import data.sallyport.behaviours.initial_execution["shell-devtcp"] as rule
import data.sallyport.fixture as f

there := f.endpoint("203.0.113.90", 8080)

run(argv, sent, more) := f.observation({
	"processes": array.concat([f.process(20, argv, {})], more),
	"events": {"connect": [f.event(21, "20.0", {"remote": there})]},
	"flows": [f.flow("20.0", "203.0.113.90", 8080, {"bytes_out": sent})],
})

socket := f.socket("203.0.113.90", 8080)

test_talks if {
	every argv in [["/bin/bash", "-c", "exec 3<>/dev/tcp/203.0.113.90/8080"], ["/bin/bash", "/app/x.sh"], ["/usr/bin/zsh"]] {
		found := rule.finding with input as run(argv, 60, [])
		{x.severity | some x in found} == {"high"}
		f.pointed(found)
		not f.malicious(found)
	}
}

test_runs_what_comes_in if {
	f.malicious(rule.finding) with input as run(["/bin/bash"], 60, [f.process(30, ["/bin/sh"], {"stdio": [socket, null, null]})])
	f.malicious(rule.finding) with input as run(["/bin/bash"], 0, [
		f.process(30, ["/bin/cat"], {"stdio": [socket, f.pipe(70), null]}),
		f.process(31, ["/bin/sh"], {"stdio": [f.pipe(70), null, null], "pipe_from": ["30.0"]}),
	])
}

# wait-for-it asks whether a port is open, and says nothing.
test_port_test_is_info if {
	found := rule.finding with input as run(["/bin/bash", "-c", "echo > /dev/tcp/db/5432"], 1, [])
	{x.severity | some x in found} == {"info"}
	not f.malicious(found)
}

test_not_other_programs_or_loopback if {
	count(rule.finding) == 0 with input as run(["/usr/bin/curl", "http://203.0.113.90:8080"], 60, [])
	count(rule.finding) == 0 with input as f.observation({
		"processes": [f.process(20, ["/bin/bash"], {})],
		"events": {"connect": [f.event(21, "20.0", {"remote": f.endpoint("127.0.0.1", 5432)})]},
	})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["shell-devtcp.fetch-and-run", "shell-devtcp.port-test"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["shell-devtcp.only-says-so", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
