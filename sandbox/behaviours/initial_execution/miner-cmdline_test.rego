package sallyport.behaviours.initial_execution["miner-cmdline_test"]

import data.sallyport.behaviours.initial_execution["miner-cmdline"] as rule
import data.sallyport.fixture as f

run(argv, parts) := f.observation(object.union({"processes": [f.process(30, argv, {})]}, parts))

xmr := "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"

test_miners if {
	every argv in [
		["/tmp/a", "-o", "stratum+tcp://pool.example:3333"],
		["/tmp/a", "--url=stratum+ssl://pool.example:443", "-u", "x"],
		["/tmp/a", "-o", "pool.example:3333", "-u", xmr, "-p", "x"],
		["/tmp/a", "--pool", "eth.example:4444", "--user", "0x00000000219ab540356cBB839Cbe05303d7705Fa.rig1"],
		["/tmp/a", "--donate-level", "1", "--coin=monero"],
		["/tmp/a", "--donate-level=1", "-o", "pool.example:3333"],
		["/tmp/a", "-a", "rx/0", "-o", "pool.example:3333"],
		["/usr/bin/python3", "miner.py", "-o", "stratum+tcp://pool.example:3333"],
	] {
		found := rule.finding with input as run(argv, {})
		f.malicious(found)
		f.pointed(found)
	}
}

attempt(argv) := f.observation({"events": {"exec_try": [
	f.event(30, "1.0", {"errno": 2, "exec": {"path": "/usr/bin/x", "argv": argv}}),
	f.event(31, "1.0", {"errno": 2, "exec": {"path": "/bin/x", "argv": argv}}),
]}})

test_miners_that_are_not_there if {
	found := rule.finding with input as attempt(["xmrig", "-o", "pool.example:3333", "-u", xmr])
	f.malicious(found)
	f.pointed(found)
	count(found) == 1
}

test_not_other_programs_that_are_not_there if {
	count(rule.finding) == 0 with input as attempt(["curl", "-o", "file:80", "https://example.test", "-u", "user:password"])
}

# What stands in a text, a pattern or another program's address is no order to mine.
test_not_words_about_mining if {
	every argv in [
		["/bin/grep", "-r", "stratum+tcp://", "/etc"],
		["/usr/bin/pkill", "-f", "stratum+tcp://"],
		["/bin/sed", "s#stratum+tcp://x:1##"],
		["/app/docs", "--title", "How to use stratum+tcp://pool addresses"],
		["/bin/sh", "-c", "echo --donate-level --coin"],
		["/usr/bin/curl", "-o", "file:80", "https://example.test", "-u", "user:password"],
		["/usr/bin/sort", "-u", "x"],
		["/app/hash", "--algo", "sha256"],
		["/app/sync", "--worker=3", "--keepalive"],
		["/usr/bin/ssh", "-o", "proxy.example:22", "-u", "x"],
	] {
		count(rule.finding) == 0 with input as run(argv, {})
	}
}

# The software of a pool listens, and calls nobody.
test_not_pool if {
	count(rule.finding) == 0 with input as run(["/app/pool", "--url=stratum+tcp://0.0.0.0:3333"], {"events": {"listen": [f.event(31, "30.0", {"local": f.endpoint("10.0.2.15", 3333)})]}})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["miner-cmdline.pool"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["miner-cmdline.searched-for", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
