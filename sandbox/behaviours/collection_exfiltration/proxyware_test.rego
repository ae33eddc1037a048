package sallyport.behaviours.collection_exfiltration.proxyware_test

import data.sallyport.behaviours.collection_exfiltration.proxyware as rule
import data.sallyport.fixture as f

run(p, name, image) := f.observation({"image": image, "processes": [p], "dns": [f.question("30.0", name, {})]})

test_hidden_client_is_high if {
	found := rule.finding with input as run(f.process(30, ["/usr/bin/app"], {}), "api.honeygain.com", {})
	{one.severity | some one in found} == {"high"}
	not f.malicious(found)
	f.pointed(found)
}

test_new_program_is_malicious if {
	found := rule.finding with input as run(f.process(30, ["/tmp/app"], {"drift": true}), "api.packetstream.io", {})
	f.malicious(found)
}

test_official_client_is_medium if {
	found := rule.finding with input as run(f.process(30, ["/app/honeygain", "-tou-accept"], {}), "api.honeygain.com", {"entrypoint": ["/app/honeygain"]})
	{one.severity | some one in found} == {"medium"}
	not f.malicious(found)
}

test_not_other_names if {
	every name in ["honeygain.com.example", "www.honeygain.com", "www.example.com"] {
		count(rule.finding) == 0 with input as run(f.process(30, ["/usr/bin/app"], {}), name, {})
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["proxyware.embedded"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["proxyware.site", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
