package sallyport.behaviours.weaponization["masq-kthread_test"]

import data.sallyport.behaviours.weaponization["masq-kthread"] as rule
import data.sallyport.fixture as f

run(process, events) := f.observation({"processes": [process], "events": events})

test_by_argument if {
	found := rule.finding with input as run(f.process(30, ["[kworker/0:1]"], {"exe": "/usr/bin/x"}), {})
	f.malicious(found)
	f.pointed(found)
}

test_by_name if {
	every name in ["kworker/u8:2", "kthreadd", "ksoftirqd/0", "migration/1"] {
		found := rule.finding with input as run(f.process(30, ["/app/x"], {}), {"name": [f.event(31, "30.0", {"name": name})]})
		f.malicious(found)
	}
}

test_by_new_file if {
	found := rule.finding with input as run(f.process(30, ["/tmp/kdevtmpfsi"], {"drift": true}), {})
	f.malicious(found)
}

test_not_others if {
	every o in [
		run(f.process(30, ["[", "-f", "/x", "]"], {"exe": "/usr/bin/["}), {}),
		run(f.process(30, ["/app/x"], {}), {"name": [f.event(31, "30.0", {"name": "worker/1"}), f.event(32, "30.0", {"name": "irq-handler"}), f.event(33, "30.0", {"name": "GC Thread#0"})]}),
		run(f.process(30, ["nginx: worker process"], {"exe": "/usr/sbin/nginx"}), {}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["masq-kthread.own-name", "memfd-exec.kernel-thread"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["masq-kthread.worker", "memfd-exec.mapped-only", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
