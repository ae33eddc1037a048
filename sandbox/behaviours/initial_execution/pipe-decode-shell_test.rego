package sallyport.behaviours.initial_execution["pipe-decode-shell_test"]

import data.sallyport.behaviours.initial_execution["pipe-decode-shell"] as rule
import data.sallyport.fixture as f

# … | decoder | … | shell
piped(decoders, shell, more) := f.observation({"processes": array.concat(
	array.concat(
		[f.process(20 + i, argv, {"decodes": true, "stdio": [f.pipe(70 + i), f.pipe(71 + i), null], "pipe_from": [sprintf("%d.0", [19 + i])]}) | some i, argv in decoders],
		[f.process(40, shell, {"stdio": [f.pipe(70 + count(decoders)), null, null], "pipe_from": [sprintf("%d.0", [19 + count(decoders)])]})],
	),
	more,
)})

base64 := ["/usr/bin/base64", "-d"]

test_decoded_once_is_high if {
	every shell in [["/bin/sh"], ["/bin/bash", "-s"], ["/usr/bin/python3", "-"], ["/usr/bin/perl"]] {
		found := rule.finding with input as piped([base64], shell, [])
		count(found) == 1
		f.pointed(found)
		not f.malicious(found)
	}
}

test_decoded_twice if {
	f.malicious(rule.finding) with input as piped([base64, ["/bin/gunzip"]], ["/bin/sh"], [])
}

test_decoded_code_fetches if {
	f.malicious(rule.finding) with input as object.union(piped([base64], ["/bin/sh"], [f.process(50, ["/usr/bin/curl", "http://x.example"], {"parent": "40.0"})]), {"processes": {"40.0": {"children": ["50.0"]}}})
	f.malicious(rule.finding) with input as object.union(piped([base64], ["/bin/sh"], [f.process(50, ["/usr/bin/crontab", "-"], {"parent": "40.0"})]), {"processes": {"40.0": {"children": ["50.0"]}}})
}

# Charts and pipelines pass settings encoded.
test_not_decoded_data if {
	every reader in [["/bin/sh", "-c", "cat > /etc/app.conf"], ["/usr/bin/tee", "/etc/app.conf"], ["/bin/tar", "x"], ["/usr/bin/python3", "-m", "json.tool"]] {
		count(rule.finding) == 0 with input as piped([base64], reader, [])
	}
}

test_not_plain_code if {
	count(rule.finding) == 0 with input as f.observation({"processes": [
		f.process(20, ["/bin/cat", "x.sh"], {"stdio": [null, f.pipe(70), null]}),
		f.process(40, ["/bin/sh"], {"stdio": [f.pipe(70), null, null], "pipe_from": ["20.0"]}),
	]})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["pipe-decode-shell.once", "pipe-decode-shell.twice"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["pipe-decode-shell.into-file", "pipe-download-shell.only-data", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
