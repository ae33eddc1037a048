package sallyport.behaviours.weaponization["escape-nsenter-init_test"]

import data.sallyport.behaviours.weaponization["escape-nsenter-init"] as rule
import data.sallyport.fixture as f

run(argv, events) := f.observation({"processes": [f.process(30, argv, {})], "events": events})

test_nsenter if {
	every argv in [
		["/usr/bin/nsenter", "-t", "1", "-m", "sh"], ["/usr/bin/nsenter", "--target=1", "-a"], ["/usr/bin/nsenter", "--mount=/proc/1/ns/mnt", "sh"],
		["/bin/busybox", "nsenter", "-t", "1", "-m"],
	] {
		found := rule.finding with input as run(argv, {})
		f.malicious(found)
	}
}

opened := f.event(31, "30.0", {"path": "/proc/1/ns/mnt"})

test_joined_by_itself if {
	found := rule.finding with input as run(["/app/x"], {"open": [opened], "setns": [f.event(32, "30.0", {"flags": 131072, "errno": 1})]})
	f.malicious(found)
	f.pointed(found)
}

test_joined_by_descriptor_of_the_process if {
	found := rule.finding with input as run(["/app/x"], {"syscall": [f.event(31, "30.0", {"name": "pidfd_open", "args": [1]})], "setns": [f.event(32, "30.0", {"flags": 131072, "path": "pidfd"})]})
	f.malicious(found)
}

# Storage and reboot agents work on the node that was mounted for them.
test_mounted_host if {
	found := rule.finding with input as run(["/usr/bin/nsenter", "--mount=/host/proc/1/ns/mnt", "mount.nfs"], {})
	count(found) == 1
	not f.malicious(found)
}

test_not_other_namespaces if {
	every o in [
		run(["/usr/bin/nsenter", "-t", "4711", "-n"], {}),
		run(["/usr/bin/nsenter", "-t", "17", "-m"], {}),
		run(["/usr/bin/lsns"], {"open": [opened]}),
		run(["/app/cni"], {"open": [f.event(31, "30.0", {"path": "/proc/52/ns/net"})], "setns": [f.event(32, "30.0", {})]}),
		run(["/app/cni"], {"open": [opened], "unshare": [f.event(32, "30.0", {"flags": 1073741824})], "setns": [f.event(33, "30.0", {})]}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["escape-nsenter-init.nsenter", "escape-nsenter-init.setns"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["escape-nsenter-init.own-namespaces", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
