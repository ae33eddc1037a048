package sallyport.behaviours.initial_execution["deleted-exec_test"]

import data.sallyport.behaviours.initial_execution["deleted-exec"] as rule
import data.sallyport.fixture as f

worker(parts, more) := f.observation(object.union({"processes": [f.process(30, ["/srv/worker"], object.union({"drift": true}, parts))]}, more))

unlinked(by) := {"unlink": [f.event(40, by, {"path": "/srv/worker"})]}

called := {"connect": [f.event(50, "30.0", {"remote": f.endpoint("203.0.113.9", 443)})]}

test_removed_while_it_runs if {
	found := rule.finding with input as worker({}, {"events": unlinked("1.0")})
	count(found) == 1
	f.pointed(found)
	not f.malicious(found)
}

test_removed_and_calls_somebody if {
	f.malicious(rule.finding) with input as worker({}, {"events": object.union(unlinked("30.0"), called)})
	f.malicious(rule.finding) with input as worker({"deleted": true}, {"events": called})
}

# It came with the image: its hash is known.
test_of_the_image_is_no_proof if {
	found := rule.finding with input as worker({"drift": false}, {"events": object.union(unlinked("1.0"), called)})
	count(found) == 1
	not f.malicious(found)
}

test_not_installers_that_end if {
	count(rule.finding) == 0 with input as worker({"end_ms": 900}, {"events": unlinked("30.0")})
}

test_not_package_upgrades if {
	count(rule.finding) == 0 with input as f.observation({
		"processes": [f.process(30, ["/srv/worker"], {}), f.process(35, ["/usr/bin/dpkg", "--unpack"], {})],
		"events": unlinked("35.0"),
	})
}

test_not_other_files_or_failures if {
	count(rule.finding) == 0 with input as worker({}, {"events": {"unlink": [f.event(40, "30.0", {"path": "/srv/worker.pid"})]}})
	count(rule.finding) == 0 with input as worker({}, {"events": {"unlink": [f.event(40, "30.0", {"path": "/srv/worker", "errno": 13})]}})
	count(rule.finding) == 0 with input as worker({}, {"events": {"unlink": [f.event(20, "1.0", {"path": "/srv/worker"})]}})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["deleted-exec.unlinked"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["deleted-exec.installer", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
