package sallyport.behaviours.initial_execution["drift-exec-script_test"]

import data.sallyport.behaviours.initial_execution["drift-exec-script"] as rule
import data.sallyport.fixture as f

run(parts) := f.observation({"processes": [f.process(30, ["/bin/sh", "/srv/job.sh"], object.union({"script": "/srv/job.sh", "script_drift": true}, parts))]})

severity(from) := s if {
	found := rule.finding with input as run({"script_provenance": from})
	some one in found
	s := one.severity
}

test_fetched_or_decoded_is_medium if {
	severity("network") == "medium"
	severity("decoded") == "medium"
	severity("unknown") == "medium"
}

# Entrypoints write small scripts and run them.
test_written_by_the_image_is_info if {
	severity("config") == "info"
	severity("pkgmgr") == "info"
}

test_never_proof if {
	found := rule.finding with input as run({"script_provenance": "network"})
	f.pointed(found)
	not f.malicious(found)
}

test_executed_by_name if {
	found := rule.finding with input as object.union(
		f.observation({"processes": [f.process(30, ["/srv/job.sh"], {"drift": true, "sha256": "aa", "provenance": "network"})]}),
		{"contents": {"aa": {"type": "script"}}},
	)
	count(found) == 1
}

test_not_of_the_image if {
	count(rule.finding) == 0 with input as run({"script_drift": false})
	count(rule.finding) == 0 with input as run({"script": "/dev/fd/63"})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["drift-exec-script.fetched"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["drift-exec-script.own-script", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
