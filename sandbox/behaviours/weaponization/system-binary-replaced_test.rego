package sallyport.behaviours.weaponization["system-binary-replaced_test"]

import data.sallyport.behaviours.weaponization["system-binary-replaced"] as rule
import data.sallyport.fixture as f

run(argv, e, modified) := f.observation({
	"processes": [f.process(30, argv, {})],
	"events": e,
	"modified": [{"path": path, "type": "elf", "sha256": "ab", "head": "", "writer": "30.0", "event": 31} | some path in modified],
})

test_replaced if {
	every path in ["/usr/bin/ps", "/bin/ls", "/usr/sbin/sshd", "/lib/x86_64-linux-gnu/libc.so.6", "/lib/security/pam_unix.so", "/usr/lib/x86_64-linux-gnu/security/pam_unix.so"] {
		every e in [
			{"write": [f.event(31, "30.0", {"path": path, "flags": 577})]},
			{"rename": [f.event(31, "30.0", {"path": "/tmp/x", "target": path})]},
		] {
			found := rule.finding with input as run(["/app/x"], e, [path])
			f.malicious(found)
			f.pointed(found)
		}
	}
}

test_tried_in_vain if {
	found := rule.finding with input as run(["/app/x"], {"write": [f.event(31, "30.0", {"path": "/usr/bin/top", "errno": 13})]}, [])
	f.malicious(found)
}

test_not_new_other_or_packaged if {
	every o in [
		run(["/app/x"], {"write": [f.event(31, "30.0", {"path": "/usr/local/bin/ps"})]}, []),
		run(["/app/x"], {"write": [f.event(31, "30.0", {"path": "/usr/bin/app"})]}, ["/usr/bin/app"]),
		run(["/app/x"], {"write": [f.event(31, "30.0", {"path": "/opt/app/lib/libc.so.6"})]}, ["/opt/app/lib/libc.so.6"]),
		run(["/usr/bin/dpkg"], {"rename": [f.event(31, "30.0", {"path": "/usr/bin/ps.dpkg-new", "target": "/usr/bin/ps"})]}, ["/usr/bin/ps"]),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["system-binary-replaced.renamed-over"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["system-binary-replaced.own-program", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
