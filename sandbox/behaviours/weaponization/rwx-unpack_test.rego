package sallyport.behaviours.weaponization["rwx-unpack_test"]

import data.sallyport.behaviours.weaponization["rwx-unpack"] as rule
import data.sallyport.fixture as f

run(process) := f.observation({"processes": [process], "events": {"wx_memory": [f.event(31, "30.0", {"name": "mprotect", "flags": 5})]}})

test_unpacks if {
	every process in [f.process(30, ["/app/x"], {}), f.process(30, ["/tmp/java"], {"drift": true})] {
		found := rule.finding with input as run(process)
		f.pointed(found)
		not f.malicious(found)
	}
}

test_not_runtimes_with_a_compiler if {
	every exe in ["/usr/bin/java", "/usr/bin/node", "/usr/bin/php8.2", "/usr/bin/python3.11", "/usr/bin/qemu-aarch64"] {
		found := rule.finding with input as run(f.process(30, [exe], {}))
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["rwx-unpack.filled"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["rwx-unpack.code-from-a-file", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
