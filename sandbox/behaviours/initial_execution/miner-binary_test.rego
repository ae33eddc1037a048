package sallyport.behaviours.initial_execution["miner-binary_test"]

import data.sallyport.behaviours.initial_execution["miner-binary"] as rule
import data.sallyport.fixture as f

run(words, parts) := object.union(
	f.observation(object.union({"processes": [f.process(30, ["/usr/bin/worker"], {"sha256": "aa"})]}, parts)),
	{"contents": {"aa": {"type": "elf", "paths": ["/usr/bin/worker"], "elf": {"words": words}}}},
)

words := ["miner-pool-uri", "miner-donation", "miner-algorithm", "miner-hashrate"]

test_miner_that_ran if {
	found := rule.finding with input as run(words, {})
	f.malicious(found)
	f.pointed(found)
}

test_miner_left_behind if {
	found := rule.finding with input as run(words, {"processes": [], "created": [{"path": "/tmp/x", "sha256": "aa", "event": 5, "writer": "1.0"}]})
	f.malicious(found)
	f.pointed(found)
}

# Wallets and nodes know algorithms, and how many hashes there are.
test_not_fewer_signs if {
	count(rule.finding) == 0 with input as run(["miner-algorithm", "miner-login", "miner-hashrate"], {})
	count(rule.finding) == 0 with input as run([], {})
}

# Scanners know miners by the same words, and many others.
test_not_detectors if count(rule.finding) == 0 with input as run(array.concat(words, ["detector"]), {})

# A list of pools to block is no program.
test_not_texts if {
	count(rule.finding) == 0 with input as object.union(f.observation({}), {"contents": {"aa": {"type": "text", "paths": ["/etc/blocked"], "head": "stratum+tcp:// donate-level randomx mining.authorize"}}})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["miner-binary.dropped"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["miner-binary.list-of-pools", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
