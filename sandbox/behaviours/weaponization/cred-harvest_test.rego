package sallyport.behaviours.weaponization["cred-harvest_test"]

import data.sallyport.behaviours.weaponization["cred-harvest"] as rule
import data.sallyport.fixture as f

run(argv, paths, parts) := f.observation(object.union(parts, {
	"processes": [f.process(30, argv, object.get(parts, "process", {}))],
	"events": {"open": [f.event(40 + i, "30.0", {"path": path}) | some i, path in paths]},
}))

three := ["/root/.aws/credentials", "/root/.npmrc", "/srv/prod.tfstate"]

five := array.concat(three, ["/root/.git-credentials", "/home/a/.docker/config.json"])

test_five_tools if {
	found := rule.finding with input as run(["/bin/cat"], five, {})
	f.malicious(found)
	f.pointed(found)
}

test_three_tools if {
	found := rule.finding with input as run(["/app/x"], three, {})
	count(found) == 1
	not f.malicious(found)
}

test_three_tools_and_sent if {
	flow := f.flow("30.0", "203.0.113.9", 80, {"domain": "up.example.test"})
	found := rule.finding with input as run(["/usr/bin/python3"], three, {"flows": [flow], "http": [f.request(flow, "POST", "/u", {})]})
	f.malicious(found)
}

test_searched_by_name if {
	found := rule.finding with input as f.observation({"processes": [f.process(30, ["/usr/bin/find", "/", "-name", "id_rsa*", "-o", "-name", ".npmrc", "-o", "-name", "*.tfstate"], {})]})
	f.pointed(found)
}

# A backup reads everything, whatever it is.
test_whole_folders_are_no_proof if {
	found := rule.finding with input as run(["/bin/tar", "cz", "/root"], array.concat(five, ["/root/.aws", "/root/.ssh", "/root/.ssh/id_rsa"]), {})
	{x.severity | some x in found} == {"medium"}
	not f.malicious(found)
}

# A tool reads its own; what is public is no secret; and two are a deployment.
test_not_own_or_few if {
	every o in [
		run(["/usr/bin/git"], ["/root/.git-credentials", "/root/.ssh/id_rsa", "/root/.netrc", "/root/.npmrc"], {}),
		run(["/app/x"], ["/root/.aws/credentials", "/root/.kube/config"], {}),
		run(["/usr/bin/ssh"], ["/root/.ssh/known_hosts", "/root/.ssh/config", "/root/.aws/config", "/root/.docker/cli-plugins/x"], {}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["cred-harvest.many-stores"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["cred-harvest.own-cloud", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
