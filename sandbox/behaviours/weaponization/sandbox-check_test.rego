package sallyport.behaviours.weaponization["sandbox-check_test"]

import data.sallyport.behaviours.weaponization["sandbox-check"] as rule
import data.sallyport.fixture as f

four := ["/proc/version", "/proc/cpuinfo", "/sys/class/dmi/id/product_name", "/.dockerenv", "/proc/self/cgroup"]

test_looked_and_ended if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["/bin/sh"], {"lineage_id": "30.0", "end_ms": 900})],
		"events": {"open": [f.event(40 + i, "30.0", {"path": path}) | some i, path in four]},
	})
	{x.severity | some x in found} == {"medium"}
	f.pointed(found)
}

look(paths) := f.observation({
	"processes": [f.process(30, ["/usr/bin/tool"], {"lineage_id": "30.0", "end_ms": 900})],
	"events": {
		"open": [f.event(40 + i, "30.0", {"path": path}) | some i, path in paths],
		"syscall": [f.event(60, "30.0", {"name": "uname"})],
	},
})

# The system's name counts beside what only tells of containers and machines.
test_asks_for_the_name if {
	found := rule.finding with input as look(["/.dockerenv", "/sys/class/dmi/id/product_name", "/proc/cpuinfo"])
	{x.severity | some x in found} == {"medium"}
	count(rule.finding) == 0 with input as look(["/proc/self/cgroup", "/proc/cpuinfo", "/proc/mounts"])
}

test_asks_for_gvisor if {
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/bin/grep", "-qi", "gVisor", "/proc/version"], {})]})
	{x.severity | some x in found} == {"high"}
}

# Agents look at everything, and go on; runtimes look at their share of the machine.
test_not_who_goes_on if {
	every o in [
		f.observation({
			"processes": [f.process(30, ["/usr/bin/agent"], {"lineage_id": "30.0"})],
			"events": {"open": [f.event(40 + i, "30.0", {"path": path}) | some i, path in four]},
		}),
		f.observation({
			"processes": [f.process(30, ["/usr/bin/java"], {"lineage_id": "30.0", "end_ms": 900})],
			"events": {"open": [f.event(40 + i, "30.0", {"path": path}) | some i, path in ["/proc/self/cgroup", "/proc/self/mountinfo", "/proc/cpuinfo", "/proc/version"]]},
		}),
		f.observation({"processes": [f.process(30, ["/bin/grep", "model name", "/proc/cpuinfo"], {})]}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["sandbox-check.many-tells"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["sandbox-check.sizes-itself", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
