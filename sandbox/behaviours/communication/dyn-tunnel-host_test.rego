package sallyport.behaviours.communication["dyn-tunnel-host_test"]

import data.sallyport.behaviours.communication["dyn-tunnel-host"] as rule
import data.sallyport.fixture as f

run(name, p) := f.observation({"processes": [p], "dns": [f.question("30.0", name, {})], "flows": [f.flow("30.0", "198.19.0.4", 443, {"domain": name})]})

app := f.process(30, ["/usr/bin/app"], {})

dropped := f.process(30, ["/tmp/x"], {"drift": true})

test_contact_is_medium if {
	every name in ["bot7.duckdns.org", "0a1b2c3d4e5f.dyndns.test", "abc.ngrok.io", "a-b.trycloudflare.com"] {
		found := rule.finding with input as run(name, app)
		{one.severity | some one in found} == {"medium"}
		not f.malicious(found)
		f.pointed(found)
	}
}

test_new_program_is_malicious if {
	found := rule.finding with input as run("bot7.duckdns.org", dropped)
	f.malicious(found)
	f.pointed(found)
}

test_shared_terminal_is_malicious if {
	found := rule.finding with input as run("ssh.tmate.io", app)
	f.malicious(found)
}

test_own_client_is_low if {
	every pair in [["tunnel.us.ngrok.com", "/usr/local/bin/ngrok"], ["ssh.tmate.io", "/usr/bin/tmate"]] {
		found := rule.finding with input as run(pair[0], f.process(30, [pair[1]], {}))
		{one.severity | some one in found} == {"low"}
		not f.malicious(found)
	}
}

test_not_other_names if {
	every name in ["www.example.com", "dyndns.docs.example.com", "duckdns.example.com", "ngrok.io.example.com"] {
		count(rule.finding) == 0 with input as run(name, dropped)
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["dyn-tunnel-host.dropped"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["dyn-tunnel-host.own-name", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
