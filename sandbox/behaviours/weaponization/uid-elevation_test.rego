package sallyport.behaviours.weaponization["uid-elevation_test"]

import data.sallyport.behaviours.weaponization["uid-elevation"] as rule
import data.sallyport.fixture as f

user := f.process(30, ["/bin/sh"], {"uid": 1000, "euid": 1000})

test_helper_made_here if {
	every p in [{"uid": 1000, "euid": 0}, {"uid": 0, "euid": 0}] {
		found := rule.finding with input as f.observation({"processes": [user, f.process(31, ["/tmp/h"], object.union(p, {"parent": "30.0", "drift": true}))]})
		f.malicious(found)
		f.pointed(found)
	}
}

test_not_sudo_root_or_user if {
	every p in [
		f.process(31, ["/usr/bin/sudo", "id"], {"parent": "30.0", "uid": 1000, "euid": 0}),
		f.process(31, ["/tmp/h"], {"parent": "1.0", "drift": true}),
		f.process(31, ["/tmp/h"], {"parent": "30.0", "drift": true, "uid": 1000, "euid": 1000}),
	] {
		found := rule.finding with input as f.observation({"processes": [user, p]})
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["uid-elevation.own-helper"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["uid-elevation.stays-user", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
