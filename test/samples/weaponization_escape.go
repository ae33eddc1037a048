package samples

// escapes try to leave the container. None gets anywhere: the sandbox has
// nothing of what they look for.
func escapes() []Sample {
	core := Spec{Entrypoint: []string{"/bin/sh", "-c", "echo '|/tmp/helper %P' > /proc/sys/kernel/core_pattern"}}
	return []Sample{
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
	}
}
