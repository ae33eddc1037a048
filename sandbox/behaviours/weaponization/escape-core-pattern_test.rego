package sallyport.behaviours.weaponization["escape-core-pattern_test"]

import data.sallyport.behaviours.weaponization["escape-core-pattern"] as rule
import data.sallyport.fixture as f

run(argv, path) := f.observation({
	"processes": [f.process(30, argv, {})],
	"events": {"write": [f.event(31, "30.0", {"path": path, "errno": 13})]},
})

test_program_for_crashes if {
	every text in ["echo '|/tmp/x %P' > /proc/sys/kernel/core_pattern", `printf "|/x" >/proc/sys/kernel/core_pattern`] {
		found := rule.finding with input as run(["/bin/sh", "-c", text], "/proc/sys/kernel/core_pattern")
		f.malicious(found)
		f.pointed(found)
	}
}

test_other_handlers if {
	every path in ["/proc/sys/kernel/modprobe", "/sys/kernel/uevent_helper", "/proc/sysrq-trigger"] {
		found := rule.finding with input as run(["/app/x"], path)
		f.malicious(found)
	}
}

test_sysctl if {
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/sbin/sysctl", "-w", "kernel.core_pattern=|/tmp/x"], {})]})
	f.malicious(found)
}

# Unknown what for: severe, no proof.
test_value_unknown if {
	found := rule.finding with input as run(["/app/setup"], "/proc/sys/kernel/core_pattern")
	count(found) == 1
	not f.malicious(found)
}

test_interpreters_of_other_cpus if {
	found := rule.finding with input as run(["/usr/bin/qemu-binfmt"], "/proc/sys/fs/binfmt_misc/register")
	{x.severity | some x in found} == {"medium"}
}

test_not_other_settings if {
	every o in [
		run(["/bin/sh", "-c", "echo 512 > /proc/sys/net/core/somaxconn"], "/proc/sys/net/core/somaxconn"),
		f.observation({"processes": [f.process(30, ["/sbin/sysctl", "-w", "kernel.core_pattern=core.%p"], {})]}),
		f.observation({"processes": [f.process(30, ["/sbin/sysctl", "-w", "vm.max_map_count=262144"], {})]}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["escape-core-pattern.pipe", "escape-core-pattern.modprobe"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["escape-core-pattern.read-and-limit", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
