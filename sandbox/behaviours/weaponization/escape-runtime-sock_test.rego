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
