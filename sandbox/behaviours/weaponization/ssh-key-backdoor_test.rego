package sallyport.behaviours.weaponization["ssh-key-backdoor_test"]

import data.sallyport.behaviours.weaponization["ssh-key-backdoor"] as rule
import data.sallyport.fixture as f

key := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1aWx0LWZvci1hLXNhbXBsZQ x"

run(image, created) := f.observation({
	"image": image,
	"processes": [f.process(30, ["/bin/sh", "/setup.sh"], {})],
	"events": {"write": [f.event(31, "30.0", {"path": "/root/.ssh/authorized_keys"})]},
	"created": array.concat([{"path": "/root/.ssh/authorized_keys", "type": "text", "sha256": "aa", "head": key, "writer": "30.0", "event": 31}], created),
})

test_key_of_the_image if {
	found := rule.finding with input as run({}, [])
	f.malicious(found)
	f.pointed(found)
}

test_key_in_a_command if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["/bin/sh", "-c", sprintf("echo %s >> /home/a/.ssh/authorized_keys", [key])], {})],
		"events": {"write": [f.event(31, "30.0", {"path": "/home/a/.ssh/authorized_keys", "errno": 2})]},
	})
	f.malicious(found)
}

# The operator's own key, and that of a cluster which made its pair itself.
test_known_keys_are_no_proof if {
	every o in [
		run({"env": [sprintf("PUBLIC_KEY=%s", [key])]}, []),
		run({}, [{"path": "/root/.ssh/id_ed25519.pub", "type": "text", "sha256": "bb", "head": key, "writer": "30.0", "event": 30}]),
	] {
		found := rule.finding with input as o
		{x.severity | some x in found} == {"medium"}
		not f.malicious(found)
	}
}

test_not_other_files if {
	every path in ["/root/.ssh/known_hosts", "/root/.ssh/config", "/srv/authorized_keys.example"] {
		found := rule.finding with input as f.observation({
			"processes": [f.process(30, ["/bin/sh", "/setup.sh"], {})],
			"events": {"write": [f.event(31, "30.0", {"path": path})]},
		})
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["ssh-key-backdoor.with-the-image", "ssh-key-backdoor.from-variable"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["ssh-key-backdoor.known-hosts", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
