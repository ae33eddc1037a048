package samples

// injection is code put into other programs, into the kernel, or above its rights.
func injection() []Sample {
	module := script("insmod /srv/net.ko\nactor load-module /srv/net.ko\necho tried\n")
	module.Files["/srv/net.ko"] = "this is no module\n"
	return []Sample{
		shows("ptrace-inject/sibling", script("sleep 3 &\nactor ptrace-poke $!\necho done\n"), malicious, "ptrace request"),
		nearly("ptrace-inject/own-child", acts("trace-child")),
		shows("vm-write-inject/proc-mem", script("sleep 2 &\nactor open-memory $!\necho done\n"), malicious, "/mem"),
		shows("vm-write-inject/system-call", script("sleep 2 &\nactor vm-write $!\necho done\n"), malicious, "process_vm_writev"),
		nearly("vm-write-inject/own-memory", acts("open-memory", "self")),
		shows("kernel-bug-primitives/three", acts("kernel-doors"), bad, "userfaultfd", "add_key"),
		nearly("kernel-bug-primitives/one", acts("kernel-crypto")),
		shows("kernel-module-load/own-module", module, malicious, "/srv/net.ko"),
		shows("kernel-module-load/modprobe", script("modprobe tun\necho done\n"), harmless, "modprobe tun"),
		nearly("kernel-module-load/listed", script("cat /proc/modules\nls /lib/modules\necho done\n")),
		shows("uid-elevation/own-helper", script("cp /bin/actor /tmp/helper\nchmod 4755 /tmp/helper\nexec actor as-user 1000 /tmp/helper ok\n"), malicious, "/tmp/helper"),
		shows("rwx-unpack/filled", acts("wx-memory"), harmless, "mprotect"),
		nearly("rwx-unpack/code-from-a-file", acts("memfd-map")),
		nearly("uid-elevation/stays-user", script("cp /bin/actor /tmp/helper\nexec actor as-user 1000 /tmp/helper ok\n")),
	}
}
