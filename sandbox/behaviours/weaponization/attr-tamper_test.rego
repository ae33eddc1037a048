package sallyport.behaviours.weaponization["attr-tamper_test"]

import data.sallyport.behaviours.weaponization["attr-tamper"] as rule
import data.sallyport.fixture as f

run(argv, events) := f.observation({
	"processes": [f.process(30, argv, {"drift": true})],
	"events": events,
	"created": [{"path": "/tmp/x", "type": "elf", "sha256": "ab", "head": "", "provenance": "unknown", "writer": "30.0", "event": 30}],
})

test_immutable if {
	every o in [
		run(["/usr/bin/chattr", "+i", "/etc/passwd"], {}), run(["/usr/bin/chattr", "-R", "+ia", "/tmp/x"], {}),
		run(["/app/x"], {"ioctl": [f.event(31, "30.0", {"name": "FS_IOC_SETFLAGS", "path": "/tmp/x", "flags": 16})]}),
	] {
		found := rule.finding with input as o
		f.pointed(found)
	}
}

test_times if {
	found := rule.finding with input as run(["/usr/bin/touch", "-r", "/bin/ls", "/tmp/x"], {})
	f.pointed(found)
}

test_not_data_or_freeing if {
	every o in [
		run(["/usr/bin/touch", "-r", "/bin/ls", "/srv/data"], {}), run(["/usr/bin/touch", "/tmp/x"], {}), run(["/usr/bin/chattr", "-i", "/etc/resolv.conf"], {}),
		run(["/usr/bin/chattr", "+C", "/var/lib/db"], {}), run(["/app/x"], {"ioctl": [f.event(31, "30.0", {"name": "FS_IOC_SETFLAGS", "path": "/tmp/x", "flags": 8388608})]}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["attr-tamper.times"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["attr-tamper.data-file", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
