package sallyport.behaviours.initial_execution["pkg-install-runtime_test"]

import data.sallyport.behaviours.initial_execution["pkg-install-runtime"] as rule
import data.sallyport.fixture as f

run(processes) := f.observation({"processes": processes})

severities(found) := {x.severity | some x in found}

test_installs if {
	every argv in [["/usr/bin/apt-get", "install", "-y", "curl"], ["/sbin/apk", "add", "--no-cache", "git"], ["/usr/bin/pip3", "install", "-r", "requirements.txt"], ["/usr/bin/npm", "ci"]] {
		found := rule.finding with input as run([f.process(30, argv, {})])
		severities(found) == {"low"}
		f.pointed(found)
		not f.malicious(found)
	}
}

test_installs_a_scanner if {
	severities(rule.finding) == {"medium"} with input as run([f.process(30, ["/sbin/apk", "add", "masscan", "libpcap-dev"], {})])
}

# What a package manager starts is its own affair.
test_once_for_all_below if {
	found := rule.finding with input as run([
		f.process(30, ["/usr/bin/apt-get", "install", "x"], {}),
		f.process(31, ["/usr/bin/dpkg", "-i", "x.deb"], {"parent": "30.0", "lineage": ["1.0", "30.0"]}),
	])
	count(found) == 1
}

test_not_questions if {
	every argv in [["/usr/bin/dpkg", "-l"], ["/usr/bin/npm", "start"], ["/usr/bin/apt-get", "--version"], ["/usr/bin/pip", "list"]] {
		count(rule.finding) == 0 with input as run([f.process(30, argv, {})])
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["pkg-install-runtime.tool", "pkg-install-runtime.scanner"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["pkg-install-runtime.only-asks", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
