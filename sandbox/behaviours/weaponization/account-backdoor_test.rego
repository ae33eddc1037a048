package sallyport.behaviours.weaponization["account-backdoor_test"]

import data.sallyport.behaviours.weaponization["account-backdoor"] as rule
import data.sallyport.fixture as f

run(image, files) := f.observation({
	"image": image,
	"processes": [f.process(30, ["/bin/sh", "/setup.sh"], {})],
	"events": {"write": [f.event(31, "30.0", {"path": path}) | some path, _ in files]},
	"modified": [{"path": path, "type": "text", "sha256": "aa", "head": text, "writer": "30.0", "event": 31} | some path, text in files],
})

root := `root:x:0:0:root:/root:/bin/sh\x0a`

test_second_root if {
	found := rule.finding with input as run({}, {"/etc/passwd": concat("", [root, `ftp2:x:0:0::/:/bin/sh\x0a`])})
	f.malicious(found)
	f.pointed(found)
}

everything := {
	"/etc/passwd": concat("", [root, `dev:x:1001:1001::/home/dev:/bin/sh\x0a`]),
	"/etc/shadow": `dev:$6$abc$def:19000:0:99999:7:::\x0a`,
	"/etc/sudoers.d/dev": `dev ALL=(ALL) NOPASSWD:ALL\x0a`,
}

test_password_and_every_right if {
	found := rule.finding with input as run({}, everything)
	f.malicious(found)
}

test_useradd_with_number_0 if {
	every argv in [["/usr/sbin/useradd", "-o", "-u", "0", "-g", "0", "sys2"], ["/usr/sbin/useradd", "-ou", "0", "sys2"], ["/usr/sbin/useradd", "--non-unique", "--uid=0", "sys2"]] {
		found := rule.finding with input as f.observation({"processes": [f.process(30, argv, {})]})
		f.malicious(found)
	}
}

# Images for developers make the user that the operator names.
test_users_of_the_operator_are_no_proof if {
	every o in [run({"env": ["USER_NAME=dev"]}, everything), run({}, {"/etc/passwd": concat("", [root, `app:x:1000:1000::/:/bin/false\x0a`])})] {
		found := rule.finding with input as o
		count(found) > 0
		not f.malicious(found)
	}
}

# As recorded of usermod: it locks both files, and replaces those that it changes.
changed(argv, replaced) := f.observation({
	"processes": [f.process(30, argv, {})],
	"events": {
		"write": [f.event(31, "30.0", {"path": "/etc/passwd"}), f.event(32, "30.0", {"path": "/etc/shadow"})],
		"rename": [f.event(33, "30.0", {"path": sprintf("%s+", [path]), "target": path}) | some path in replaced],
	},
})

test_password_of_one_that_was_there if {
	found := rule.finding with input as changed(["/usr/sbin/usermod", "-p", "$6$abc$def", "app"], ["/etc/passwd", "/etc/shadow"])
	f.pointed(found)
}

test_not_other_numbers if {
	every argv in [["/usr/sbin/usermod", "-o", "-u", "1000", "app"], ["/usr/sbin/groupmod", "-o", "-g", "1000", "app"]] {
		count(rule.finding) == 0 with input as changed(argv, ["/etc/passwd"])
	}
}

test_not_elsewhere_or_packaged if {
	every o in [
		run({}, {"/srv/etc/passwd": "a:x:0:0::/:/bin/sh"}),
		f.observation({
			"processes": [f.process(30, ["/sbin/apk", "add", "x"], {})],
			"events": {"write": [f.event(31, "30.0", {"path": "/etc/passwd"})]},
		}),
		f.observation({"processes": [f.process(30, ["/usr/sbin/usermod", "-u", "1000", "app"], {})]}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["account-backdoor.second-root", "account-backdoor.own-user"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["account-backdoor.read", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
