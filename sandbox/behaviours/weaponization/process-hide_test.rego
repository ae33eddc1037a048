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

hook := {"path": "/opt/h.so", "type": "elf", "sha256": "abcd", "head": "", "provenance": "unknown", "writer": "1.0", "event": 9}

library(env, exports) := object.union(
	f.observation({"processes": [f.process(30, ["/bin/ps"], {"env": env})], "created": [hook]}),
	{"contents": {"abcd": {"type": "elf", "elf": {"exports": exports}}}},
)

test_library_lists_in_its_own_way if {
	found := rule.finding with input as library(["LD_PRELOAD=/opt/h.so"], ["readdir64", "dlsym"])
	f.malicious(found)
	f.pointed(found)
}

# A file that is written over more than once is there several times: what lay
# there before, and what lies there at the end.
test_written_over if {
	before := object.union(hook, {"gone": true, "sha256": "0123"})
	o := object.union(library(["LD_PRELOAD=/opt/h.so"], ["readdir"]), {"files": {"created": [before, before], "modified": [hook]}})
	found := rule.finding with input as o
	f.malicious(found)
}

test_not_other_libraries if {
	every o in [library(["LD_PRELOAD=/opt/h.so"], ["dlsym"]), library([], ["readdir"])] {
		found := rule.finding with input as o
		count(found) == 0
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
