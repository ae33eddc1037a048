package sallyport.behaviours.weaponization["escape-chroot-host_test"]

import data.sallyport.behaviours.weaponization["escape-chroot-host"] as rule
import data.sallyport.fixture as f

run(processes, events) := f.observation({"processes": processes, "events": events})

root := f.event(31, "30.0", {"path": "/host"})

shell := f.process(32, ["/bin/sh", "-i"], {"parent": "30.0", "lineage": ["1.0", "30.0"]})

test_shell_on_the_host if {
	found := rule.finding with input as run([f.process(30, ["/app/x"], {}), shell], {"chroot": [root]})
	f.malicious(found)
	f.pointed(found)
}

test_chroot_for_a_shell if {
	every argv in [["/usr/sbin/chroot", "/host"], ["/usr/sbin/chroot", "/host", "/bin/bash", "-c", "id"], ["/bin/busybox", "chroot", "/host", "sh"]] {
		found := rule.finding with input as run([f.process(30, argv, {})], {"chroot": [object.union(root, {"errno": 2})]})
		f.malicious(found)
	}
}

test_root_of_another_process if {
	found := rule.finding with input as run([f.process(30, ["/app/x"], {})], {"chroot": [f.event(31, "30.0", {"path": "/", "name": "/proc/1/root"})]})
	f.malicious(found)
}

test_mounted_disk if {
	found := rule.finding with input as run(
		[f.process(30, ["/usr/sbin/chroot", "/mnt"], {})],
		{"mount": [f.event(30, "30.0", {"path": "/mnt", "target": "/dev/sda1", "fstype": "ext4"})], "chroot": [f.event(31, "30.0", {"path": "/mnt"})]},
	)
	f.malicious(found)
}

# A node agent runs one tool of the node.
test_tool_of_the_node if {
	found := rule.finding with input as run([f.process(30, ["/usr/sbin/chroot", "/host", "systemctl", "reboot"], {})], {"chroot": [root]})
	count(found) == 1
	not f.malicious(found)
}

# Daemons lock themselves in; chroot / only changes the user.
test_not_own_folders if {
	every path in ["/var/empty/sshd", "/run/sshd", "/var/spool/postfix", "/", "/proc/self/fdinfo", "/srv/host"] {
		found := rule.finding with input as run([f.process(30, ["/usr/sbin/chroot", path, "sh"], {})], {"chroot": [f.event(31, "30.0", {"path": path})]})
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["escape-chroot-host.host-folder", "escape-chroot-host.init-root"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["escape-chroot-host.own-jail", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
