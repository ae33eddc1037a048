package sallyport.behaviours.weaponization["shadow-read_test"]

import data.sallyport.behaviours.weaponization["shadow-read"] as rule
import data.sallyport.fixture as f

run(process, path) := f.observation({"processes": [process], "events": {"open": [f.event(31, "30.0", {"path": path})]}})

test_read if {
	every path in ["/etc/shadow", "/etc/gshadow", "/etc/shadow-", "/host/etc/shadow"] {
		found := rule.finding with input as run(f.process(30, ["/bin/cat"], {}), path)
		f.pointed(found)
	}
}

test_read_by_one_that_goes_by_such_a_name if {
	found := rule.finding with input as run(f.process(30, ["/tmp/sudo"], {"drift": true, "provenance": "network"}), "/etc/shadow")
	f.pointed(found)
}

test_not_by_programs_that_log_in if {
	every o in [
		run(f.process(30, ["/usr/sbin/sshd"], {}), "/etc/shadow"),
		run(f.process(30, ["/usr/sbin/useradd", "app"], {}), "/etc/shadow"),
		run(f.process(30, ["/usr/bin/dpkg"], {}), "/etc/shadow"),
		run(f.process(30, ["/usr/bin/sudo", "-u", "nobody", "id"], {"drift": true, "provenance": "pkgmgr"}), "/etc/shadow"),
		run(f.process(30, ["/bin/cat"], {}), "/etc/passwd"),
		run(f.process(30, ["/bin/cat"], {}), "/srv/shadow"),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["shadow-read.cat"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["shadow-read.accounts", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
