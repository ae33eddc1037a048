package sallyport.behaviours.communication["chat-c2_test"]

import data.sallyport.behaviours.communication["chat-c2"] as rule
import data.sallyport.fixture as f

bot := f.process(30, ["/app/bot"], {"children": ["31.0"]})

flow(messages, parts) := f.flow("30.0", "198.19.0.4", 443, object.union({"app": "chat", "domain": "api.telegram.org", "messages": messages}, parts))

asks := {"ms": 100, "out": true, "type": "getUpdates", "fields": {}}

order := {"ms": 101, "out": false, "type": "order", "fields": {"text": "/cmd echo TOKEN7"}}

sends := {"ms": 100, "out": true, "type": "sendMessage", "fields": {"text": "started"}}

test_obeys if {
	child := f.process(31, ["/bin/sh", "-c", "echo TOKEN7"], {"parent": "30.0", "start_ms": 500})
	found := rule.finding with input as f.observation({"processes": [bot, child], "flows": [flow([asks, order], {})]})
	f.malicious(found)
	f.pointed(found)
}

test_sends_a_secret if {
	stolen := {"name": "npm_token", "encoding": "base64", "owner": ["npmjs.org"], "own_domain": false}
	found := rule.finding with input as f.observation({"processes": [bot], "flows": [flow([sends], {"canaries": [stolen]})]})
	f.malicious(found)
}

# A bot answers messages by itself; what it starts has nothing to do with them.
test_bot_is_medium_and_notifier_low if {
	other := f.process(31, ["/usr/bin/uptime"], {"parent": "30.0", "start_ms": 500})
	talks := rule.finding with input as f.observation({"processes": [bot, other], "flows": [flow([asks, order], {})]})
	{one.severity | some one in talks} == {"medium"}
	not f.malicious(talks)
	tells := rule.finding with input as f.observation({"processes": [bot], "flows": [flow([sends], {})]})
	{one.severity | some one in tells} == {"low"}
}

test_not_other_sites if {
	count(rule.finding) == 0 with input as f.observation({"processes": [bot], "flows": [flow([], {"app": "http"})]})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["chat-c2.obeys"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["chat-c2.mentions", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
