package sallyport.behaviours.propagation["db-bruteforce_test"]

import data.sallyport.behaviours.propagation["db-bruteforce"] as rule
import data.sallyport.fixture as f

bot := f.process(30, ["/app/bot"], {})

login(user, password) := {"ms": 1, "out": true, "type": "auth", "fields": {"method": "password", "user": user, "password": password}}

flows(app, port, n) := [f.flow("30.0", "10.9.0.1", port, {"id": sprintf("f%d", [i]), "app": app, "messages": [login("postgres", sprintf("p%d", [i]))]}) | some i in numbers.range(1, n)]

test_guesses if {
	every pair in [["postgresql", 5432], ["mysql", 3306], ["telnet", 23], ["ftp", 21], ["mssql", 1433]] {
		found := rule.finding with input as f.observation({"processes": [bot], "flows": flows(pair[0], pair[1], 12)})
		f.malicious(found)
		f.pointed(found)
	}
}

test_guesses_of_a_web_login if {
	flow := f.flow("30.0", "10.9.0.1", 80, {"app": "http"})
	asked := [f.request(flow, "GET", "/admin", {"headers": {"Authorization": sprintf("Basic %d", [i])}}) | some i in numbers.range(1, 12)]
	found := rule.finding with input as f.observation({"processes": [bot], "flows": [flow], "http": asked})
	f.malicious(found)
}

test_guesses_at_redis if {
	flow := f.flow("30.0", "10.9.0.1", 6379, {"app": "redis", "messages": [{"ms": 1, "out": true, "type": "AUTH", "fields": {"args": sprintf("p%d", [i])}} | some i in numbers.range(1, 12)]})
	found := rule.finding with input as f.observation({"processes": [bot], "flows": [flow]})
	f.malicious(found)
}

# A program that waits for its database tries the same again and again.
test_not_the_same_login_again if {
	same := [object.union(flow, {"messages": [login("app", "secret")]}) | some flow in flows("postgresql", 5432, 40)]
	count(rule.finding) == 0 with input as f.observation({"processes": [bot], "flows": same})
}

test_not_few if {
	count(rule.finding) == 0 with input as f.observation({"processes": [bot], "flows": flows("postgresql", 5432, 9)})
}

test_not_one_key_for_many_requests if {
	flow := f.flow("30.0", "10.9.0.1", 80, {"app": "http"})
	asked := [f.request(flow, "GET", sprintf("/%d", [i]), {"headers": {"Authorization": "Basic YTpi"}}) | some i in numbers.range(1, 50)]
	count(rule.finding) == 0 with input as f.observation({"processes": [bot], "flows": [flow], "http": asked})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["db-bruteforce.databases"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["db-bruteforce.waits", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
