package sallyport.behaviours.weaponization["ld-preload-file_test"]

import data.sallyport.behaviours.weaponization["ld-preload-file"] as rule
import data.sallyport.fixture as f

editor := f.process(30, ["/bin/sh", "-c", "echo /usr/lib/x.so > /etc/ld.so.preload"], {})

test_written if {
	found := rule.finding with input as f.observation({
		"processes": [editor],
		"events": {"write": [f.event(31, "30.0", {"path": "/etc/ld.so.preload", "flags": 577})]},
	})
	f.malicious(found)
	f.pointed(found)
}

# A file system that does not let it is no excuse.
test_tried if {
	found := rule.finding with input as f.observation({
		"processes": [editor],
		"events": {"write": [f.event(31, "30.0", {"path": "/etc/ld.so.preload", "flags": 577, "errno": 30})]},
	})
	f.malicious(found)
}

test_moved_or_linked_there if {
	every events in [
		{"rename": [f.event(31, "30.0", {"path": "/etc/x", "target": "/etc/ld.so.preload"})]},
		{"link": [f.event(31, "30.0", {"path": "/etc/ld.so.preload", "target": "/etc/x"})]},
		{"symlink": [f.event(31, "30.0", {"path": "/etc/ld.so.preload", "target": "x"})]},
	] {
		found := rule.finding with input as f.observation({"processes": [editor], "events": events})
		f.malicious(found)
	}
}

test_left_behind if {
	found := rule.finding with input as f.observation({"created": [{"path": "/etc/ld.so.preload", "sha256": "aa", "event": 31, "writer": "30.0", "head": "/usr/lib/x.so"}]})
	f.malicious(found)
}

# The loader looks for the file at every start of a program.
test_not_read if {
	found := rule.finding with input as f.observation({
		"processes": [editor],
		"events": {"open": [f.event(31, "30.0", {"path": "/etc/ld.so.preload", "errno": 2})]},
	})
	count(found) == 0
}

test_not_loader_cache_or_environment if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["/usr/bin/redis-server"], {"env": ["LD_PRELOAD=/usr/lib/libjemalloc.so.2"]})],
		"events": {"write": [
			f.event(31, "30.0", {"path": "/etc/ld.so.cache", "flags": 577}),
			f.event(32, "30.0", {"path": "/app/etc/ld.so.preload.example", "flags": 577}),
		]},
	})
	count(found) == 0
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["ld-preload-file.renamed", "ld-preload-file.written"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["ld-preload-file.read-and-neighbour", "ld-preload-file.variable", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
