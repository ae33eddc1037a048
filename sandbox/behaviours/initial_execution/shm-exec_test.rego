package sallyport.behaviours.initial_execution["shm-exec_test"]

import data.sallyport.behaviours.initial_execution["shm-exec"] as rule
import data.sallyport.fixture as f

run(parts) := f.observation({"processes": [f.process(30, ["/dev/shm/x"], object.union({"drift": true}, parts))]})

test_new_program if {
	every exe in ["/dev/shm/x", "/run/shm/x", "/dev/mqueue/.a/x"] {
		found := rule.finding with input as run({"exe": exe})
		f.malicious(found)
		f.pointed(found)
	}
}

test_script_is_high if {
	found := rule.finding with input as run({"exe": "/bin/sh", "drift": false, "script": "/dev/shm/x.sh", "script_drift": true})
	count(found) == 1
	not f.malicious(found)
}

test_not_elsewhere if {
	count(rule.finding) == 0 with input as run({"exe": "/opt/dev/shm/x"})
	count(rule.finding) == 0 with input as run({"exe": "/dev/shmx"})
}

test_tries if {
	events := {"exec_try": [f.event(31, "1.0", {"errno": 13, "exec": {"path": "/dev/shm/x", "argv": ["/dev/shm/x"]}})]}
	found := rule.finding with input as f.observation({"events": events})
	f.pointed(found)
	not f.malicious(found)
	f.malicious(rule.finding) with input as f.observation({"events": events, "created": [{"path": "/dev/shm/x", "type": "elf"}]})
}

# Databases keep their segments there.
test_not_files_that_are_not_executed if {
	count(rule.finding) == 0 with input as f.observation({"events": {"write": [f.event(31, "1.0", {"path": "/dev/shm/PostgreSQL.1"})]}})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["shm-exec.program"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["shm-exec.segment", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
