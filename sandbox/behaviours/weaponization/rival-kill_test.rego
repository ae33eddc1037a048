package sallyport.behaviours.weaponization["rival-kill_test"]

import data.sallyport.behaviours.weaponization["rival-kill"] as rule
import data.sallyport.fixture as f

run(argvs) := f.observation({"processes": [f.process(30 + i, argv, {}) | some i, argv in argvs]})

test_names if {
	found := rule.finding with input as run([["/usr/bin/pkill", "-9", "-f", name] | some name in ["xmrig", "kinsing", "kdevtmpfsi", "watchbog", "ddgs"]])
	f.malicious(found)
	f.pointed(found)
}

test_names_and_ports_in_patterns if {
	found := rule.finding with input as run([["/bin/grep", "-E", "xmrig|minerd|:3333|:14444"], ["/bin/rm", "-rf", "/tmp/kinsing", "/var/tmp/kdevtmpfsi"]])
	f.malicious(found)
}

test_not_own_processes_or_few if {
	every o in [
		run([["/usr/bin/pkill", name] | some name in ["nginx", "redis-server", "worker", "gunicorn", "celery", "beat"]]),
		run([["/usr/bin/pgrep", "xmrig"], ["/usr/bin/pgrep", "kinsing"]]),
		run([["/usr/bin/clamscan", "xmrig", "kinsing", "kdevtmpfsi", "watchbog", "ddgs"]]),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["rival-kill.names"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["rival-kill.own-workers", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
