package sallyport.behaviours.communication["tor-use_test"]

import data.sallyport.behaviours.communication["tor-use"] as rule
import data.sallyport.fixture as f

bot := f.process(30, ["/app/bot"], {})

dropped := f.process(30, ["/tmp/tor"], {"drift": true})

test_signs_are_high if {
	every o in [
		{"processes": [bot], "dns": [f.question("30.0", "abcdefghij234567.onion", {})]},
		{"processes": [bot], "dns": [f.question("30.0", "abcdefghij234567.onion.ws", {})]},
		{"processes": [bot], "events": {"connect": [f.event(70, "30.0", {"remote": f.endpoint("131.188.40.189", 443)})]}},
		{"processes": [bot], "flows": [f.flow("30.0", "203.0.113.9", 9001, {"tls": true, "out": `\x00\x00\x07\x00\x06\x00\x03\x00\x04\x00\x05`})]},
		{"processes": [f.process(30, ["/usr/bin/tor", "-f", "/etc/torrc"], {})]},
		{"processes": [bot], "flows": [f.flow("30.0", "203.0.113.9", 9050, {"app": "http", "messages": [{"ms": 1, "out": true, "type": "connect", "fields": {"host": "abcdefghij234567.onion", "port": "80"}}]})]},
	] {
		found := rule.finding with input as f.observation(o)
		{one.severity | some one in found} == {"high"}
		not f.malicious(found)
		f.pointed(found)
	}
}

test_new_program_is_malicious if {
	found := rule.finding with input as f.observation({"processes": [dropped], "dns": [f.question("30.0", "abcdefghij234567.onion", {})]})
	f.malicious(found)
}

test_tor_as_purpose_is_medium if {
	found := rule.finding with input as f.observation({"image": {"entrypoint": ["/usr/bin/tor"]}, "processes": [f.process(30, ["/usr/bin/tor"], {})]})
	{one.severity | some one in found} == {"medium"}
}

test_not_others if {
	every o in [
		{"processes": [bot], "dns": [f.question("30.0", "onion.example.com", {})]},
		{"processes": [bot], "flows": [f.flow("30.0", "203.0.113.9", 9001, {"tls": true, "out": `\x16\x03\x01`})]},
		{"processes": [bot], "events": {"connect": [f.event(70, "30.0", {"remote": f.endpoint("203.0.113.9", 9001)})]}},
		{"processes": [f.process(30, ["/usr/bin/tor", "--version"], {})]},
	] {
		count(rule.finding) == 0 with input as f.observation(o)
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["tor-use.onion"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["tor-use.other-port", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
