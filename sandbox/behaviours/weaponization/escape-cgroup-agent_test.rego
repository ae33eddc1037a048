package sallyport.behaviours.weaponization["escape-cgroup-agent_test"]

import data.sallyport.behaviours.weaponization["escape-cgroup-agent"] as rule
import data.sallyport.fixture as f

run(events) := f.observation({"processes": [f.process(30, ["/bin/sh", "-c", "x"], {})], "events": events})

mounted := f.event(31, "30.0", {"path": "/tmp/cg", "target": "cgroup", "fstype": "cgroup", "errno": 1})

test_agent_written if {
	found := rule.finding with input as run({"write": [f.event(32, "30.0", {"path": "/sys/fs/cgroup/rdma/release_agent", "errno": 13})]})
	f.malicious(found)
}

test_notice_after_mount if {
	found := rule.finding with input as run({"mount": [mounted], "write": [f.event(32, "30.0", {"path": "/tmp/cg/x/notify_on_release"})]})
	f.malicious(found)
	f.pointed(found)
}

# systemd as the first process of a container sets its own agent.
test_not_systemd_or_other_files if {
	every o in [
		run({"write": [f.event(32, "30.0", {"path": "/sys/fs/cgroup/x/notify_on_release"})]}),
		run({"mount": [mounted], "write": [f.event(32, "30.0", {"path": "/tmp/cg/memory.max"})]}),
		run({"mount": [mounted], "open": [f.event(32, "30.0", {"path": "/tmp/cg/release_agent"})]}),
		f.observation({
			"processes": [f.process(1, ["/lib/systemd/systemd"], {"id": "1.1"})],
			"events": {"write": [f.event(32, "1.1", {"path": "/sys/fs/cgroup/systemd/release_agent"})]},
		}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["escape-cgroup-agent.release-agent"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["escape-cgroup-agent.own-limits", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
