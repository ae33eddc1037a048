package sallyport.behaviours.weaponization["escape-userns-chain_test"]

import data.sallyport.behaviours.weaponization["escape-userns-chain"] as rule
import data.sallyport.fixture as f

run(argv, events) := f.observation({"processes": [f.process(30, argv, {}), f.process(40, ["/bin/sh"], {"parent": "30.0", "lineage": ["1.0", "30.0"]})], "events": events})

unshared := f.event(31, "30.0", {"flags": 268435456 + 131072})

filter := {"args": [16, 3, 12]}

test_packet_filter if {
	every who in ["30.0", "40.0"] {
		found := rule.finding with input as run(["/app/x"], {"unshare": [unshared], "socket": [f.event(41, who, filter)]})
		f.pointed(found)
	}
}

test_rare_file_system if {
	every events in [{"mount": [f.event(41, "30.0", {"path": "/tmp/o", "fstype": "overlay"})]}, {"syscall": [f.event(41, "30.0", {"name": "fsopen", "fstype": "ext4"})]}] {
		found := rule.finding with input as run(["/app/x"], object.union(events, {"unshare": [unshared]}))
		count(found) == 1
	}
}

test_not_sandboxes if {
	every o in [
		run(["/usr/bin/bwrap"], {"unshare": [unshared], "mount": [f.event(41, "30.0", {"path": "/newroot", "fstype": "overlay"})]}),
		run(["/app/x"], {"unshare": [unshared], "mount": [f.event(41, "30.0", {"path": "/tmp", "fstype": "tmpfs"})]}),
		run(["/app/x"], {"unshare": [f.event(31, "30.0", {"flags": 1073741824})], "socket": [f.event(41, "30.0", filter)]}),
		run(["/usr/sbin/nft"], {"socket": [f.event(41, "30.0", filter)]}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["escape-userns-chain.netfilter"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["escape-userns-chain.sandbox", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
