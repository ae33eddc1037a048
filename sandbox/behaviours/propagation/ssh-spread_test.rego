package sallyport.behaviours.propagation["ssh-spread_test"]

import data.sallyport.behaviours.propagation["ssh-spread"] as rule
import data.sallyport.fixture as f

login(user, password) := {"ms": 1, "out": true, "type": "auth", "fields": {"method": "password", "user": user, "password": password}}

flow(ip, messages, parts) := f.flow("30.0", ip, 22, object.union({"app": "ssh", "messages": messages}, parts))

run(flows, parts) := f.observation(object.union({"processes": [f.process(30, ["/usr/bin/ssh"], {})], "flows": flows}, parts))

three(parts) := [flow(sprintf("10.9.0.%d", [i]), [login("root", "x")], parts) | some i in numbers.range(1, 3)]

test_three_hosts if {
	found := rule.finding with input as run(three({}), {})
	f.malicious(found)
	f.pointed(found)
}

# A scan of port 22 that the server greets before it is gone.
test_not_who_says_nothing if {
	found := rule.finding with input as run([flow(sprintf("10.9.0.%d", [i]), [], {"bytes_out": 0}) | some i in numbers.range(1, 20)], {})
	count(found) == 0
}

test_many_passwords_on_one_host if {
	guesses := [login("root", sprintf("pass%d", [i])) | some i in numbers.range(1, 12)]
	found := rule.finding with input as run([flow("10.9.0.1", guesses, {"domain": "db.example"})], {})
	f.malicious(found)
}

# sshpass in a loop: each login is a process and a connection of its own.
test_process_per_login if {
	tools := [f.process(100 + i, ["/usr/bin/sshpass", "-p", "x", "ssh"], {}) | some i in numbers.range(0, 11)]
	flows := [f.flow(sprintf("%d.0", [100 + i]), "10.9.0.1", 22, {"app": "ssh", "messages": [login("root", sprintf("p%d", [i]))]}) | some i in numbers.range(0, 11)]
	found := rule.finding with input as f.observation({"processes": tools, "flows": flows})
	f.malicious(found)
}

# The key of a deployment tool is offered again and again.
test_not_the_same_login_again if {
	found := rule.finding with input as run([flow("10.9.0.1", [login("git", "k")], {"src_port": i}) | some i in numbers.range(1, 20)], {})
	count(found) == 0
}

test_not_one_host if {
	found := rule.finding with input as run([flow("10.9.0.1", [login("git", "k")], {"domain": "git.example"})], {})
	count(found) == 0
}

test_configured_hosts_are_no_proof if {
	found := rule.finding with input as run(three({}), {"image": {"env": ["HOSTS=10.9.0.1,10.9.0.2,10.9.0.3"]}})
	count(found) == 1
	not f.malicious(found)
}

test_inventory_is_no_proof if {
	tool := f.process(30, ["/usr/bin/python3", "/usr/bin/ansible-playbook"], {"script": "/usr/bin/ansible-playbook"})
	client := f.process(31, ["/usr/bin/ssh"], {"parent": "30.0", "lineage": ["1.0", "30.0"]})
	flows := [object.union(x, {"process": "31.0"}) | some x in three({})]
	found := rule.finding with input as f.observation({"processes": [tool, client], "flows": flows})
	count(found) == 1
	not f.malicious(found)
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["ssh-spread.guesses"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["ssh-spread.one-host", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
