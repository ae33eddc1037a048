package sallyport.behaviours.initial_execution["tool-renamed_test"]

import data.sallyport.behaviours.initial_execution["tool-renamed"] as rule
import data.sallyport.fixture as f

renames(from, to, by) := f.observation({
	"processes": [f.process(30, by, {})],
	"events": {"rename": [f.event(31, "30.0", {"path": from, "target": to})]},
})

test_moved_aside if {
	every pair in [["/usr/bin/curl", "/usr/bin/cd1"], ["/bin/ps", "/bin/ps.bin"], ["/usr/bin/wget", "/tmp/wdl"], ["/usr/bin/chattr", "/usr/bin/tntrecht"]] {
		found := rule.finding with input as renames(pair[0], pair[1], ["/bin/mv", pair[0], pair[1]])
		count(found) == 1
		f.pointed(found)
		not f.malicious(found)
	}
}

test_not_packages_and_others if {
	count(rule.finding) == 0 with input as renames("/usr/bin/curl", "/usr/bin/curl.dpkg-old", ["/bin/mv"])
	count(rule.finding) == 0 with input as renames("/usr/bin/curl", "/usr/bin/cd1", ["/usr/bin/dpkg", "-i"])
	count(rule.finding) == 0 with input as renames("/app/bin/ps", "/app/bin/other", ["/bin/mv"])
	count(rule.finding) == 0 with input as renames("/usr/bin/nginx", "/usr/bin/web", ["/bin/mv"])
	count(rule.finding) == 0 with input as renames("/tmp/new", "/usr/bin/curl", ["/bin/mv"])
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["tool-renamed.wget"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["tool-renamed.own-file", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
