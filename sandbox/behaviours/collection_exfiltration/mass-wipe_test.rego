package sallyport.behaviours.collection_exfiltration["mass-wipe_test"]

import data.sallyport.behaviours.collection_exfiltration["mass-wipe"] as rule
import data.sallyport.fixture as f

bot := f.process(30, ["/app/bot"], {})

unlink(n) := [f.event(100 + i, "30.0", {"path": sprintf("/srv/d/%d.txt", [i]), "probe": false}) | some i in numbers.range(1, n)]

run(n, parts) := f.observation(object.union({"image": {"data": {"/srv": 40}}, "processes": [bot], "events": {"unlink": unlink(n)}}, parts))

test_most_files_removed if {
	found := rule.finding with input as run(35, {})
	f.malicious(found)
	f.pointed(found)
}

test_disk_overwritten if {
	found := rule.finding with input as f.observation({"processes": [bot], "events": {"write": [f.event(100, "30.0", {"path": "/dev/sda", "probe": false})]}})
	f.malicious(found)
}

test_commands if {
	every argv in [["/bin/rm", "-rf", "--no-preserve-root", "/"], ["/bin/rm", "-rf", "/*"], ["/bin/dd", "if=/dev/zero", "of=/dev/sda", "bs=1M"], ["/usr/bin/shred", "/dev/nvme0n1"]] {
		found := rule.finding with input as f.observation({"processes": [f.process(30, argv, {})]})
		f.malicious(found)
		f.pointed(found)
	}
}

test_not_few_or_own_or_moved_or_other if {
	count(rule.finding) == 0 with input as run(15, {})
	own := [f.event(10 + i, "30.0", {"path": sprintf("/srv/d/%d.txt", [i]), "probe": false}) | some i in numbers.range(1, 40)]
	count(rule.finding) == 0 with input as run(35, {"events": {"unlink": unlink(35), "write": own}})
	elsewhere := [{"path": sprintf("/data/d/%d.txt", [i]), "type": "text"} | some i in numbers.range(1, 40)]
	count(rule.finding) == 0 with input as run(35, {"created": elsewhere})
	every argv in [["/bin/rm", "-rf", "/var/lib/apt/lists/*"], ["/bin/dd", "if=/dev/zero", "of=/swapfile"], ["/bin/dd", "if=/dev/sda", "of=/dev/null"]] {
		count(rule.finding) == 0 with input as f.observation({"processes": [f.process(30, argv, {})]})
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["mass-wipe.data"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["mass-wipe.own-cache", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
