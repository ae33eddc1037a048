package sallyport.behaviours.collection_exfiltration["env-exfil_test"]

import data.sallyport.behaviours.collection_exfiltration["env-exfil"] as rule
import data.sallyport.fixture as f

env := ["PATH=/usr/bin:/bin", "HOME=/home/app", "HOSTNAME=0123456789ab", "DB_HOST=db.internal", "DB_USER=application", "DEBUG=1"]

app := f.process(30, ["/usr/bin/node"], {"env": env})

flow := f.flow("30.0", "198.19.0.4", 443, {"app": "http", "domain": "collect.example"})

run(body) := f.observation({"processes": [app], "flows": [flow], "http": [f.request(flow, "POST", "/", {"body": body})]})

test_variables_in_any_form if {
	as_json := json.marshal({k: v | some pair in env; [k, v] := split(pair, "=")})
	every body in [concat(`\x0a`, env), as_json, sprintf(`{"d":"%s"}`, [base64.encode(concat("\n", env))])] {
		found := rule.finding with input as run(body)
		{one.severity | some one in found} == {"medium"}
		not f.malicious(found)
		f.pointed(found)
	}
}

test_over_a_connection if {
	raw := f.flow("30.0", "203.0.113.9", 9, {"out": concat(`\x0a`, env)})
	found := rule.finding with input as f.observation({"processes": [app], "flows": [raw]})
	count(found) == 1
}

test_not_few_or_other if {
	count(rule.finding) == 0 with input as run(`{"hostname":"0123456789ab","HOME":"/home/app","DB_HOST":"db.internal","x":"................"}`)
	count(rule.finding) == 0 with input as run(`{"PATH":"","HOME":"","HOSTNAME":"","DB_HOST":"","DB_USER":"","note":"names alone"}`)
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["env-exfil.json"]
	f.pointed(found)
}

test_not_recorded if {
	every name in ["env-exfil.own-name", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
