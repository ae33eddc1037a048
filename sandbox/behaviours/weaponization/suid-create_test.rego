package sallyport.behaviours.weaponization["suid-create_test"]

import data.sallyport.behaviours.weaponization["suid-create"] as rule
import data.sallyport.fixture as f

run(e, created) := f.observation({"processes": [f.process(30, ["/bin/chmod"], {})], "events": e, "created": created})

mode(path, m) := {"chmod": [f.event(31, "30.0", {"path": path, "mode": m})]}

elf(path, provenance) := [{"path": path, "type": "elf", "sha256": "ab", "head": "", "writer": "30.0", "event": 30, "provenance": provenance}]

test_new_program if {
	found := rule.finding with input as run(mode("/tmp/.x", 2541), elf("/tmp/.x", "unknown"))
	f.malicious(found)
	f.pointed(found)
}

test_shell if {
	found := rule.finding with input as run(mode("/bin/bash", 2541), [])
	f.malicious(found)
}

test_capability if {
	found := rule.finding with input as run({"setxattr": [f.event(31, "30.0", {"path": "/usr/bin/python3", "name": "security.capability"})]}, [])
	count(found) == 1
}

# Vault lets its own program lock memory.
test_capability_of_the_images_program if {
	found := rule.finding with input as run({"setxattr": [f.event(31, "30.0", {"path": "/bin/vault", "name": "security.capability"})]}, [])
	{x.severity | some x in found} == {"low"}
}

test_not_plain_modes_or_packages if {
	every o in [
		run(mode("/tmp/x", 493), elf("/tmp/x", "unknown")),
		run(mode("/srv/shared", 1533), []),
		run({"setxattr": [f.event(31, "30.0", {"path": "/srv/x", "name": "user.note"})]}, []),
		f.observation({
			"processes": [f.process(30, ["/usr/bin/dpkg"], {})],
			"events": mode("/usr/bin/sudo", 2541),
			"created": elf("/usr/bin/sudo", "pkgmgr"),
		}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["suid-create.shell-copy"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["suid-create.plain-modes", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
