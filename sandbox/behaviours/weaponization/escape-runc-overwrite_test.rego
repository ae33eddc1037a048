package sallyport.behaviours.weaponization["escape-runc-overwrite_test"]

import data.sallyport.behaviours.weaponization["escape-runc-overwrite"] as rule
import data.sallyport.fixture as f

run(parts) := f.observation({"processes": [f.process(30, ["/app/x"], {})], "events": {"write": [f.event(31, "30.0", parts)]}})

test_program_opened if {
	every path in ["/proc/self/exe", "/proc/17/exe", "/proc/17/task/18/exe"] {
		found := rule.finding with input as run({"path": path, "errno": 26, "flags": 1})
		f.malicious(found)
		f.pointed(found)
	}
}

test_by_descriptor_until_it_works if {
	found := rule.finding with input as run({"path": "/proc/self/fd/5", "errno": 26, "count": 400})
	f.malicious(found)
}

test_not_other_writes if {
	every parts in [
		{"path": "/proc/self/fd/1"}, {"path": "/proc/self/fd/5", "errno": 26}, {"path": "/proc/self/oom_score_adj"}, {"path": "/usr/bin/app", "errno": 26},
		{"path": "/proc/17/fd/2", "count": 5},
	] {
		found := rule.finding with input as run(parts)
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["escape-runc-overwrite.open-exe"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["escape-runc-overwrite.self-update", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
