package samples

func memfdExec() []Sample {
	return []Sample{
		shows("memfd-exec/kernel-thread", acts("memfd-exec"), malicious, "memfd:kworker"),
		nearly("memfd-exec/mapped-only", acts("memfd-map")),
	}
}

func preloadFile() []Sample {
	withEnv := script("LD_PRELOAD=/usr/lib/libnone.so cat /etc/hostname\n")
	reads := script("cat /etc/ld.so.preload 2>/dev/null\necho /usr/local/lib > /etc/ld.so.conf\necho done\n")
	return []Sample{
		shows("ld-preload-file/written", script("echo /usr/lib/libhide.so > /etc/ld.so.preload\n"), malicious, "/etc/ld.so.preload"),
		shows("ld-preload-file/renamed", script("echo /usr/lib/libhide.so > /tmp/p\nmv /tmp/p /etc/ld.so.preload\n"), malicious, "/etc/ld.so.preload"),
		nearly("ld-preload-file/variable", withEnv),
		nearly("ld-preload-file/read-and-neighbour", reads),
	}
}

func mountDevice() []Sample {
	return []Sample{
		shows("escape-mount-device/mount", acts("mount-device", "/dev/sda1"), malicious, "/dev/sda1"),
		shows("escape-mount-device/node", acts("mknod-device"), malicious, "/dev/.disk"),
		nearly("escape-mount-device/own-mounts", acts("mount-tmpfs")),
	}
}
