package sallyport.behaviours.initial_execution["secret-scan-tool_test"]

import data.sallyport.behaviours.initial_execution["secret-scan-tool"] as rule
import data.sallyport.fixture as f

run(argv, parts) := f.observation({"processes": [f.process(30, argv, parts)]})

test_scanners if {
	every argv in [["/usr/bin/trufflehog", "filesystem", "/"], ["/usr/local/bin/gitleaks", "detect"]] {
		found := rule.finding with input as run(argv, {})
		count(found) == 1
		f.pointed(found)
		not f.malicious(found)
	}
	count(rule.finding) == 1 with input as run(["/usr/bin/python3", "/opt/whispers.py", "/"], {"script": "/opt/whispers.py"})
}

test_searches if {
	every argv in [["/bin/grep", "-rE", "AKIA[0-9A-Z]{16}", "/root"], ["/bin/grep", "-rl", "BEGIN RSA PRIVATE KEY", "/"], ["/usr/bin/rg", "--hidden", "aws_secret_access_key", "/home"]] {
		count(rule.finding) == 1 with input as run(argv, {})
	}
}

test_not_ordinary_searches if {
	every argv in [["/bin/grep", "-r", "TODO", "/srv"], ["/bin/grep", "aws_secret", "/app/config"], ["/usr/bin/trufflehog", "--version"], ["/bin/grep", "-r", "token", "/app"]] {
		count(rule.finding) == 0 with input as run(argv, {})
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["secret-scan-tool.scanner", "secret-scan-tool.search"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["secret-scan-tool.own-search", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
