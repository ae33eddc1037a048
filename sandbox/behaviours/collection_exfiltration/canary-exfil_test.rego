package sallyport.behaviours.collection_exfiltration["canary-exfil_test"]

import data.sallyport.behaviours.collection_exfiltration["canary-exfil"] as rule
import data.sallyport.fixture as f

secret(parts) := object.union({"name": "aws_secret_access_key", "encoding": "base64", "owner": ["amazonaws.com"], "own_domain": false}, parts)

run(flow) := f.observation({"processes": [f.process(30, ["/usr/bin/curl"], {})], "flows": [flow]})

test_secret_sent_elsewhere if {
	found := rule.finding with input as run(f.flow("30.0", "198.18.0.4", 443, {"domain": "upload.example", "canaries": [secret({})]}))
	f.malicious(found)
	f.pointed(found)
	some one in found
	contains(one.message, "aws_secret_access_key")
	contains(one.message, "upload.example")
}

# An SDK signs its requests with the key that it found.
test_not_to_its_owner if {
	found := rule.finding with input as run(f.flow("30.0", "198.18.0.4", 443, {"domain": "s3.amazonaws.com", "canaries": [secret({"own_domain": true})]}))
	count(found) == 0
}

# A server that shows its environment to our probe, and the metadata service itself.
test_not_in_answer_to_us if {
	every flow in [
		f.flow("30.0", "198.18.0.4", 8080, {"inbound": true, "canaries": [secret({})]}),
		f.flow("30.0", "198.18.0.4", 8080, {"probe": true, "canaries": [secret({})]}),
		f.flow("30.0", "169.254.169.254", 80, {"canaries": [secret({"name": "imds_token"})]}),
		f.flow("30.0", "198.18.0.4", 443, {"domain": "upload.example"}),
	] {
		found := rule.finding with input as run(flow)
		count(found) == 0
	}
}

test_secret_in_names_shows_the_question if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["/usr/bin/dig"], {})],
		"flows": [f.flow("30.0", "198.18.0.1", 53, {"id": "f1", "app": "dns", "canaries": [secret({"encoding": "hex"})]})],
		"dns": [
			{"flow": "f1", "event": 7, "ms": 20, "process": "30.0", "name": "6162.t.evil.example", "answers": []},
			{"flow": "f2", "event": 8, "ms": 21, "process": "30.0", "name": "other.example", "answers": []},
		],
	})
	f.malicious(found)
	some one in found
	{e.domain | some e in one.evidence; e.type == "dns"} == {"6162.t.evil.example"}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["canary-exfil.base64", "canary-exfil.dns", "canary-exfil.raw"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["canary-exfil.answer-to-probe", "canary-exfil.own-cloud", "canary-exfil.read-only", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
