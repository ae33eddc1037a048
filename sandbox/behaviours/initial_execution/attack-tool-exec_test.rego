package sallyport.behaviours.initial_execution["attack-tool-exec_test"]

import data.sallyport.behaviours.initial_execution["attack-tool-exec"] as rule
import data.sallyport.fixture as f

run(argv, parts) := f.observation({"processes": [f.process(30, argv, parts)]})

test_kits_for_breaking_out if {
	every argv in [["/usr/bin/peirates"], ["/tmp/cdk", "evaluate"], ["/opt/botb", "-autopwn"], ["/opt/cdk_linux_amd64", "run", "mount-disk"]] {
		found := rule.finding with input as run(argv, {})
		f.malicious(found)
		f.pointed(found)
	}
	f.malicious(rule.finding) with input as run(["/bin/sh", "/opt/linpeas.sh", "-a"], {"script": "/opt/linpeas.sh"})
}

test_offensive_tools_are_high if {
	every argv in [["/usr/bin/masscan", "-p80", "198.18.0.0/16"], ["/usr/bin/hydra", "-l", "root", "ssh://198.18.0.1"]] {
		found := rule.finding with input as run(argv, {})
		count(found) == 1
		not f.malicious(found)
	}
	count(rule.finding) == 1 with input as run(["/usr/bin/python3", "/opt/sqlmap.py"], {"script": "/opt/sqlmap.py"})
}

# Another program has the name of one of the kits.
test_not_of_the_same_name if {
	count(rule.finding) == 0 with input as run(["/usr/bin/node", "/usr/local/bin/cdk", "synth"], {"script": "/usr/local/bin/cdk"})
	count(rule.finding) == 0 with input as run(["/usr/bin/masscan", "--version"], {})
	count(rule.finding) == 0 with input as run(["/usr/bin/nginx", "-c", "/etc/masscan"], {})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["attack-tool-exec.kit", "attack-tool-exec.scanner"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["attack-tool-exec.same-name", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
