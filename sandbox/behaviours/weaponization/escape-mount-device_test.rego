package sallyport.behaviours.weaponization["escape-mount-device_test"]

import data.sallyport.behaviours.weaponization["escape-mount-device"] as rule
import data.sallyport.fixture as f

run(events) := f.observation({"processes": [f.process(30, ["/bin/mount"], {})], "events": events})

test_disk_mounted if {
	every source in ["/dev/sda1", "/dev/vda", "/dev/xvda1", "/dev/nvme0n1p1", "/dev/dm-0", "/dev/mapper/vg-root", "/host/dev/sda1", "/dev/disk/by-uuid/1234"] {
		found := rule.finding with input as run({"mount": [f.event(31, "30.0", {"target": source, "path": "/mnt", "fstype": "ext4", "errno": 19})]})
		f.malicious(found)
		f.pointed(found)
	}
}

# mknod x b 8 1, then open
block := f.event(31, "30.0", {"path": "/tmp/x", "mode": 24576 + 384, "dev": 2049})

test_node_made_and_read if {
	found := rule.finding with input as run({"mknod": [block], "open": [f.event(32, "30.0", {"path": "/tmp/x", "errno": 6})]})
	f.malicious(found)
}

test_node_made_and_mounted if {
	found := rule.finding with input as run({"mknod": [block], "mount": [f.event(32, "30.0", {"target": "/tmp/x", "path": "/mnt", "fstype": "ext4"})]})
	f.malicious(found)
}

test_debugfs if {
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/sbin/debugfs", "-R", "cat /etc/shadow", "/dev/sda1"], {})]})
	f.malicious(found)
}

# The kernel is not asked when there is no such disk.
test_mount_of_a_disk_that_is_not_there if {
	every argv in [["/bin/mount", "/dev/sda1", "/mnt"], ["/bin/mount", "--types", "ext4", "/dev/vda2", "/mnt"], ["/bin/busybox", "mount", "-o", "ro", "/dev/nvme0n1p1", "/x"]] {
		found := rule.finding with input as f.observation({"processes": [f.process(30, argv, {})]})
		f.malicious(found)
		f.pointed(found)
	}
}

test_not_mounts_that_read_no_disk if {
	every argv in [["/bin/mount"], ["/bin/mount", "-o", "remount,rw", "/dev/sda1", "/"], ["/bin/mount", "--bind", "/dev/sda1", "/x"], ["/bin/mount", "-oremount,ro", "/dev/sda1", "/"], ["/bin/mount", "/dev/loop0", "/x"], ["/bin/grep", "/dev/sda1", "/etc/fstab"]] {
		count(rule.finding) == 0 with input as f.observation({"processes": [f.process(30, argv, {})]})
	}
}

test_not_ordinary_mounts if {
	every m in [
		{"target": "tmpfs", "path": "/run/x", "fstype": "tmpfs"},
		{"target": "proc", "path": "/proc", "fstype": "proc"},
		{"target": "overlay", "path": "/var/lib/docker/overlay2/x", "fstype": "overlay"},
		{"target": "cgroup", "path": "/sys/fs/cgroup", "fstype": "cgroup2"},
		{"target": "/dev/loop0", "path": "/snap/x", "fstype": "squashfs"},
		{"target": "/dev/shm", "path": "/x", "fstype": "", "flags": 4096},
		{"target": "/dev/fuse", "path": "/x", "fstype": "fuse"},
		{"target": "/dev/sda1", "path": "/", "fstype": "ext4", "flags": 32},
	] {
		found := rule.finding with input as run({"mount": [f.event(31, "30.0", m)]})
		count(found) == 0
	}
}

# A node that nobody opens, loop devices as docker:dind makes them, character devices.
test_not_other_nodes if {
	every case in [
		{"mknod": [block]},
		{"mknod": [f.event(31, "30.0", {"path": "/dev/loop0", "mode": 24576 + 432, "dev": 1792})], "open": [f.event(32, "30.0", {"path": "/dev/loop0"})]},
		{"mknod": [f.event(31, "30.0", {"path": "/dev/null", "mode": 8192 + 438, "dev": 259})], "open": [f.event(32, "30.0", {"path": "/dev/null"})]},
	] {
		found := rule.finding with input as run(case)
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["escape-mount-device.mount", "escape-mount-device.node"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["escape-mount-device.own-mounts", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
