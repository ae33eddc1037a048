package sallyport.behaviours.weaponization["imds-access_test"]

import data.sallyport.behaviours.weaponization["imds-access"] as rule
import data.sallyport.fixture as f

flow := f.flow("30.0", "169.254.169.254", 80, {})

run(argv, parts) := f.observation(object.union(parts, {"processes": [f.process(30, argv, {})]}))

connected := {"connect": [f.event(31, "30.0", {"remote": f.endpoint("169.254.169.254", 80)})]}

test_contacted if {
	found := rule.finding with input as run(["/app/x"], {"events": connected})
	{x.severity | some x in found} == {"low"}
	f.pointed(found)
}

test_credentials_by_a_shell_tool if {
	found := rule.finding with input as run(["/usr/bin/curl"], {"flows": [flow], "http": [f.request(flow, "GET", "/latest/meta-data/iam/security-credentials/role", {})]})
	"medium" in {x.severity | some x in found}
}

test_by_name if {
	found := rule.finding with input as run(["/app/x"], {"dns": [{"name": "metadata.google.internal", "process": "30.0", "event": 31, "ms": 1, "answers": []}]})
	f.pointed(found)
}

test_not_others if {
	other := f.flow("30.0", "203.0.113.7", 80, {})
	found := rule.finding with input as run(["/usr/bin/curl"], {
		"flows": [other], "http": [f.request(other, "GET", "/latest/meta-data/iam/security-credentials/", {})],
		"events": {"connect": [f.event(31, "30.0", {"remote": f.endpoint("169.254.1.1", 80)})]},
	})
	count(found) == 0
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["imds-access.credentials"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["imds-access.own-service", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
