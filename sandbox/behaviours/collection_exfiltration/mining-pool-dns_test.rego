package sallyport.behaviours.collection_exfiltration["mining-pool-dns_test"]

import data.sallyport.behaviours.collection_exfiltration["mining-pool-dns"] as rule
import data.sallyport.fixture as f

run(p, flows) := f.observation({"processes": [p], "dns": [f.question("30.0", "pool.supportxmr.com", {})], "flows": flows})

pool(app) := f.flow("30.0", "198.19.0.4", 3333, {"domain": "pool.supportxmr.com", "app": app})

test_name_alone_is_high if {
	found := rule.finding with input as run(f.process(30, ["/usr/bin/app"], {}), [])
	{one.severity | some one in found} == {"high"}
	not f.malicious(found)
	f.pointed(found)
}

test_connection_of_a_new_or_hidden_program if {
	every p in [
		f.process(30, ["/tmp/x"], {"drift": true}),
		f.process(30, ["[kworker/0:1]"], {"exe": "/usr/bin/app"}),
		f.process(30, ["/usr/share/.cache/xmrig"], {}),
	] {
		found := rule.finding with input as run(p, [pool("raw")])
		f.malicious(found)
		f.pointed(found)
	}
}

test_connection_of_the_image_alone_is_no_proof if {
	found := rule.finding with input as run(f.process(30, ["/usr/bin/app"], {}), [pool("raw")])
	count(found) > 0
	not f.malicious(found)
}

test_dashboard_is_medium if {
	found := rule.finding with input as run(f.process(30, ["/usr/bin/app"], {}), [pool("http")])
	{one.severity | some one in found} == {"medium"}
}

test_not_a_filter if {
	count(rule.finding) == 0 with input as run(f.process(30, ["/usr/sbin/dnsmasq"], {}), [])
}

test_not_other_names if {
	every name in ["supportxmr.com.example", "www.example.com"] {
		count(rule.finding) == 0 with input as f.observation({"processes": [f.process(30, ["/usr/bin/app"], {})], "dns": [f.question("30.0", name, {})]})
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["mining-pool-dns.hidden"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["mining-pool-dns.other-name", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
