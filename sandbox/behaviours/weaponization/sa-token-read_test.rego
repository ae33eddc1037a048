package sallyport.behaviours.weaponization["sa-token-read_test"]

import data.sallyport.behaviours.weaponization["sa-token-read"] as rule
import data.sallyport.fixture as f

run(argv, path) := f.observation({"processes": [f.process(30, argv, {})], "events": {"open": [f.event(31, "30.0", {"path": path})]}})

token := "/run/secrets/kubernetes.io/serviceaccount/token"

test_client if {
	found := rule.finding with input as run(["/app/operator"], token)
	{x.severity | some x in found} == {"low"}
}

test_general_tools if {
	every argv in [["/bin/cat"], ["/bin/sh"], ["/usr/bin/curl"]] {
		found := rule.finding with input as run(argv, "/var/run/secrets/kubernetes.io/serviceaccount/..2026_01/token")
		{x.severity | some x in found} == {"medium"}
		f.pointed(found)
	}
}

test_not_other_files if {
	every path in ["/run/secrets/kubernetes.io/serviceaccount/ca.crt", "/run/secrets/kubernetes.io/serviceaccount/namespace", "/srv/token"] {
		found := rule.finding with input as run(["/bin/cat"], path)
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["sa-token-read.shell"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["sa-token-read.namespace", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
