package sallyport.behaviours.propagation["worm-self-copy_test"]

import data.sallyport.behaviours.propagation["worm-self-copy"] as rule
import data.sallyport.fixture as f

worm := f.process(30, ["/usr/bin/worm"], {"sha256": "aa11"})

flow := f.flow("30.0", "203.0.113.9", 80, {"app": "http"})

put(i, sha) := f.request(flow, "PUT", sprintf("/%d", [i]), {"sent": [sha]})

test_uploads_itself if {
	found := rule.finding with input as f.observation({"processes": [worm], "flows": [flow], "http": [put(1, "aa11")]})
	f.malicious(found)
	f.pointed(found)
}

test_over_a_connection if {
	raw := f.flow("30.0", "203.0.113.9", 9, {"out_sha256": "aa11"})
	found := rule.finding with input as f.observation({"processes": [worm], "flows": [raw]})
	f.malicious(found)
}

test_script_that_came_later if {
	p := f.process(30, ["/bin/sh", "/tmp/w.sh"], {"script": "/tmp/w.sh", "script_sha256": "bb22"})
	found := rule.finding with input as f.observation({"processes": [p], "flows": [flow], "http": [put(1, "bb22")]})
	f.malicious(found)
}

test_mirror_is_no_proof if {
	found := rule.finding with input as f.observation({"processes": [worm], "flows": [flow], "http": array.concat([put(0, "aa11")], [put(i, sprintf("%d", [i])) | some i in numbers.range(1, 30)])})
	count(found) == 1
	not f.malicious(found)
}

test_not_other_files if {
	count(rule.finding) == 0 with input as f.observation({"processes": [worm], "flows": [flow], "http": [put(1, "cc33")]})
	inbound := [object.union(put(1, "aa11"), {"inbound": true})]
	count(rule.finding) == 0 with input as f.observation({"processes": [worm], "flows": [flow], "http": inbound})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["worm-self-copy.upload"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["worm-self-copy.report", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
