package sallyport.behaviours.weaponization["process-hide_test"]

import data.sallyport.behaviours.weaponization["process-hide"] as rule
import data.sallyport.fixture as f

run(argv, mounts) := f.observation({"processes": [f.process(30, argv, {})], "events": {"mount": mounts}})

test_covered if {
	found := rule.finding with input as run(["/bin/mount"], [f.event(31, "30.0", {"path": "/proc/42", "target": "/tmp/e", "flags": 4096})])
	f.malicious(found)
	f.pointed(found)
}

test_shows_less if {
	every o in [
		run(["/bin/mount", "-o", "remount,rw,hidepid=2", "/proc"], []),
		run(["/app/x"], [f.event(31, "30.0", {"path": "/proc", "target": "proc", "fstype": "proc", "flags": 32, "data": "hidepid=invisible"})]),
	] {
		found := rule.finding with input as o
		f.malicious(found)
	}
}

test_not_ordinary_mounts if {
	every m in [
		{"path": "/proc", "target": "proc", "fstype": "proc"}, {"path": "/proc/sys", "target": "/proc/sys", "flags": 4096},
		{"path": "/proc/kcore", "target": "tmpfs"}, {"path": "/proc", "target": "proc", "flags": 32, "data": "hidepid=0"},
	] {
		found := rule.finding with input as run(["/bin/mount", "-t", "proc", "proc", "/proc"], [f.event(31, "30.0", m)])
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["process-hide.covered"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["process-hide.own-mounts", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
