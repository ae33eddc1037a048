package sallyport.behaviours.weaponization["kernel-module-load_test"]

import data.sallyport.behaviours.weaponization["kernel-module-load"] as rule
import data.sallyport.fixture as f

run(argv, events) := f.observation({"processes": [f.process(30, argv, {})], "events": events})

test_own_module if {
	every o in [
		run(["/app/x"], {"module": [f.event(31, "30.0", {"path": "/tmp/rk.ko", "errno": 38})]}),
		run(["/app/x"], {"module": [f.event(31, "30.0", {"name": "init_module"})]}),
		run(["/sbin/insmod", "/tmp/rk.ko"], {}),
	] {
		found := rule.finding with input as o
		f.malicious(found)
		f.pointed(found)
	}
}

# VPN images ask for what the node may not have loaded yet.
test_module_of_the_kernel if {
	found := rule.finding with input as run(["/sbin/modprobe", "wireguard"], {"module": [f.event(31, "30.0", {"name": "init_module"})]})
	{x.severity | some x in found} == {"low"}
	not f.malicious(found)
}

test_not_listing if {
	every argv in [["/sbin/lsmod"], ["/sbin/modprobe", "-n", "tun"], ["/sbin/insmod", "/lib/modules/6.1.0/kernel/tun.ko"]] {
		found := rule.finding with input as run(argv, {})
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["kernel-module-load.own-module", "kernel-module-load.modprobe"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["kernel-module-load.listed", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
