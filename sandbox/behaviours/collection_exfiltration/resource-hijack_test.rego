package sallyport.behaviours.collection_exfiltration["resource-hijack_test"]

import data.sallyport.behaviours.collection_exfiltration["resource-hijack"] as rule
import data.sallyport.fixture as f

miner := f.process(30, ["/usr/bin/app"], {})

msr := f.event(70, "30.0", {"path": "/dev/cpu/0/msr", "probe": false})

pages := f.event(71, "30.0", {"path": "/proc/sys/vm/nr_hugepages", "probe": false})

bind(core) := f.event(72 + core, "30.0", {"name": "sched_setaffinity", "args": [0, 1], "flags": bits.lsh(1, core), "probe": false})

pool := f.flow("30.0", "203.0.113.9", 3333, {})

busy(o, share) := json.patch(o, [{"op": "add", "path": "/run/cpus", "value": 4}, {"op": "add", "path": "/run/cpu_ns", "value": (share * 4) * 1800000000}])

test_tuned_and_talking_is_malicious if {
	found := rule.finding with input as f.observation({"processes": [miner], "events": {"write": [msr, pages]}, "flows": [pool]})
	f.malicious(found)
	f.pointed(found)
}

test_tuned_alone_is_high if {
	found := rule.finding with input as f.observation({"processes": [miner], "events": {"write": [msr], "syscall": [bind(0), bind(1)]}})
	{one.severity | some one in found} == {"high"}
	not f.malicious(found)
}

# A build, a benchmark, a model in training.
test_busy_alone_is_medium if {
	found := rule.finding with input as busy(f.observation({"processes": [miner], "flows": [pool]}), 98)
	{one.severity | some one in found} == {"medium"}
	not f.malicious(found)
	f.pointed(found)
}

test_busy_and_tuned_is_malicious if {
	found := rule.finding with input as busy(f.observation({"processes": [miner], "events": {"syscall": [bind(0), bind(1)]}, "flows": [pool]}), 98)
	f.malicious(found)
}

test_not_ordinary_programs if {
	count(rule.finding) == 0 with input as busy(f.observation({"processes": [miner], "flows": [pool]}), 40)
	count(rule.finding) == 0 with input as f.observation({"processes": [miner], "events": {"syscall": [bind(0)], "write": [f.event(70, "30.0", {"path": "/var/lib/app/msr.db", "probe": false})]}})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["resource-hijack.tuned"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["resource-hijack.own-limits", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
