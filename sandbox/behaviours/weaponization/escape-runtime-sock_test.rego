package sallyport.behaviours.weaponization["escape-runtime-sock_test"]

import data.sallyport.behaviours.weaponization["escape-runtime-sock"] as rule
import data.sallyport.fixture as f

run(argv, events) := f.observation({"processes": [f.process(30, argv, {})], "events": events})

call := f.event(31, "30.0", {"remote": {"family": "unix", "path": "/var/run/docker.sock"}, "errno": 2})

test_called if {
	found := rule.finding with input as run(["/app/agent"], {"connect": [call]})
	count(found) == 1
	not f.malicious(found)
	f.pointed(found)
}

test_container_with_the_host if {
	every argv in [
		["/usr/bin/docker", "run", "-v", "/:/mnt", "alpine", "chroot", "/mnt"],
		["/usr/bin/docker", "run", "-v/:/mnt", "alpine"],
		["/usr/bin/docker", "run", "--privileged", "alpine"],
		["/usr/bin/docker", "create", "--mount=type=bind,source=/,target=/h", "alpine"],
		["/usr/bin/curl", "--unix-socket", "/var/run/docker.sock", "-d", `{"Image":"a","HostConfig":{"Binds":["/:/mnt"]}}`, "http://d/containers/create"],
	] {
		found := rule.finding with input as run(argv, {})
		f.malicious(found)
	}
}

asked(fields) := f.observation({"processes": [f.process(30, ["/app/agent"], {})], "flows": [f.flow("30.0", "172.17.0.1", 2375, {
	"app": "docker", "socket": "/var/run/docker.sock",
	"messages": [{"ms": 5, "out": true, "type": "POST containers/create", "fields": fields}],
})]})

test_asked_an_engine_that_answers if {
	every fields in [{"privileged": "true"}, {"binds": "/data:/data /:/mnt"}, {"binds": "/etc:/e:ro"}, {"pid": "host"}] {
		found := rule.finding with input as asked(fields)
		f.malicious(found)
		f.pointed(found)
	}
}

test_not_for_an_ordinary_container if {
	every fields in [{"image": "alpine", "cmd": "id"}, {"binds": "/data:/data"}, {"binds": "/var/run/docker.sock:/var/run/docker.sock"}, {"pid": "container:x"}] {
		count(rule.finding) == 0 with input as asked(fields)
	}
}

test_not_own_engine_or_other_sockets if {
	every o in [
		run(["/usr/bin/dockerd"], {"connect": [call], "bind": [f.event(30, "30.0", {"local": {"family": "unix", "path": "/var/run/docker.sock"}})]}),
		run(["/app/x"], {"connect": [f.event(31, "30.0", {"remote": {"family": "unix", "path": "/run/postgresql/.s.PGSQL.5432"}})]}),
		run(["/usr/bin/docker", "ps"], {}),
		run(["/usr/bin/docker", "run", "-v", "/data:/data", "alpine"], {}),
		run(["/usr/bin/docker", "-H", "tcp://build.example.test:2376", "run", "--privileged", "alpine"], {}),
		run(["/usr/bin/curl", "--unix-socket", "/var/run/docker.sock", "http://d/events"], {}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded_bait if {
	found := rule.finding with input as data.observations["escape-runtime-sock.container@bait"]
	f.malicious(found)
	f.pointed(found)
	some x in found
	some e in x.evidence
	contains(e.detail, "the host's disk")
	listed := rule.finding with input as data.observations["escape-runtime-sock.monitor@bait"]
	count(listed) > 0
	not f.malicious(listed)
}

test_recorded if {
	every name in ["escape-runtime-sock.called", "escape-runtime-sock.host-container"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["escape-runtime-sock.own-engine", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
