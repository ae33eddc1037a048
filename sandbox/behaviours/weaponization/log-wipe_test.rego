package sallyport.behaviours.weaponization["log-wipe_test"]

import data.sallyport.behaviours.weaponization["log-wipe"] as rule
import data.sallyport.fixture as f

run(argv, events) := f.observation({"processes": [f.process(30, argv, {})], "events": events})

emptied(path) := {"write": [f.event(31, "30.0", {"path": path, "flags": 577})]}

test_one_kind if {
	every e in [emptied("/var/log/wtmp"), {"unlink": [f.event(31, "30.0", {"path": "/root/.bash_history"})]}, {"truncate": [f.event(31, "30.0", {"path": "/var/log/auth.log", "args": [0]})]}, {"rename": [f.event(31, "30.0", {"path": "/var/log/sedAbC", "target": "/var/log/secure"})]}] {
		found := rule.finding with input as run(["/bin/sh"], e)
		{x.severity | some x in found} == {"medium"}
		f.pointed(found)
	}
}

test_two_kinds if {
	found := rule.finding with input as run(["/bin/sh", "-c", "unset HISTFILE; >/var/log/wtmp"], emptied("/var/log/wtmp"))
	{x.severity | some x in found} == {"high"}
	not f.malicious(found)
}

test_not_own_logs if {
	every o in [
		run(["/bin/sh"], emptied("/var/log/nginx/access.log")),
		run(["/bin/sh"], emptied("/var/log/app.log")),
		run(["/usr/sbin/logrotate"], {"rename": [f.event(31, "30.0", {"path": "/var/log/auth.log", "target": "/var/log/auth.log.1"})]}),
		run(["/bin/sh"], {"write": [f.event(31, "30.0", {"path": "/var/log/wtmp", "flags": 1089})]}),
		run(["/bin/sh"], {"symlink": [f.event(31, "30.0", {"path": "/var/log/nginx/error.log", "target": "/dev/stderr"})]}),
		run(["/usr/bin/dpkg"], emptied("/var/log/lastlog")),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["log-wipe.logins-and-history"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["log-wipe.own-log", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
