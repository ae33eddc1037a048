package sallyport.behaviours.initial_execution["webshell-exec_test"]

import data.sallyport.behaviours.initial_execution["webshell-exec"] as rule
import data.sallyport.fixture as f

word := "KTW2GEJ5QXBN7AHTLY3M"

probe := f.flow("9.0", "10.0.2.15", 8080, {"inbound": true, "probe": true, "in": sprintf(`GET /?cmd=echo+%s&c=echo+%s HTTP/1.1\x0d\x0a`, [word, word])})

run(argv, parts) := f.observation({
	"processes": [f.process(9, ["/app/server"], {}), f.process(90, argv, object.union({"parent": "9.0", "lineage": ["1.0", "9.0"]}, parts))],
	"flows": [probe],
})

test_runs_the_parameter if {
	every argv in [["/bin/sh", "-c", sprintf("echo %s", [word])], ["/bin/bash", "-lc", sprintf("ping -c1 ;echo %s", [word])]] {
		found := rule.finding with input as run(argv, {})
		f.malicious(found)
		f.pointed(found)
	}
}

# A parameter that stands within a command may be well quoted.
test_word_in_arguments_is_high if {
	found := rule.finding with input as run(["/usr/bin/logger", sprintf("cmd=echo %s", [word])], {})
	count(found) == 1
	not f.malicious(found)
}

test_not_own_children if {
	count(rule.finding) == 0 with input as run(["/bin/sh", "-c", "date"], {})
	count(rule.finding) == 0 with input as run(["/bin/sh", "-c", sprintf("echo %s", [word])], {"probe": true})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["webshell-exec.parameter"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["webshell-exec.own-children", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
