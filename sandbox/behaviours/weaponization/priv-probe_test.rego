package sallyport.behaviours.weaponization["priv-probe_test"]

import data.sallyport.behaviours.weaponization["priv-probe"] as rule
import data.sallyport.fixture as f

run(processes, paths) := f.observation({
	"processes": array.concat([f.process(30, ["/bin/sh"], {})], processes),
	"events": {"open": [f.event(40 + i, "30.0", {"path": path}) | some i, path in paths]},
})

capabilities := f.process(31, ["/bin/grep", "CapEff", "/proc/self/status"], {})

suid := f.process(32, ["/usr/bin/find", "/", "-perm", "-4000", "-type", "f"], {})

test_three_kinds if {
	found := rule.finding with input as run([capabilities, suid], ["/dev/sda"])
	f.pointed(found)
	not f.malicious(found)
}

test_not_few if {
	every o in [run([capabilities, suid], []), run([capabilities], ["/dev/null", "/dev/urandom", "/proc/kcore"]), run([f.process(33, ["/usr/bin/find", "/srv", "-perm", "644"], {})], ["/dev/sda", "/proc/keys"])] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["priv-probe.many"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["priv-probe.one", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
