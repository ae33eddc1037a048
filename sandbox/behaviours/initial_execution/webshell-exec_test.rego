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

test_runs_the_sum if {
	every argv in [
		["/bin/sh", "-c", sprintf("echo %s$((191*7))", [word])],
		["/bin/sh", "-c", sprintf("echo %s$((191*7)) 2>&1", [word])],
		["/bin/bash", "-c", sprintf("cd /tmp && echo %s$((191*7))", [word])],
		["/bin/echo", sprintf("%s$((191*7))", [word])],
	] {
		found := rule.finding with input as run(argv, {})
		f.malicious(found)
		f.pointed(found)
	}
}

# Whose program it is that stands within a command cannot be told.
test_expanded_argument_is_high if {
	found := rule.finding with input as run(["/bin/ping", "-c1", "echo", sprintf("%s1337", [word])], {})
	count(found) == 1
	not f.malicious(found)
}

# asked is a server that answers without starting anything.
asked(request, answer) := f.observation({
	"processes": [f.process(9, ["/app/server"], {})],
	"flows": [f.flow("9.0", "10.0.2.15", 8080, {"inbound": true, "probe": true, "in": request, "out": answer})],
})

test_answers_as_a_shell if {
	every request in [sprintf(`GET /?cmd=echo+%s%%24%%28%%28191%%2A7%%29%%29 HTTP/1.1\x0d\x0a`, [word]), sprintf(`{"cmd":"echo %s$((191*7))"}`, [word])] {
		every answer in [sprintf(`HTTP/1.0 200 OK\x0d\x0a\x0d\x0a%s1337\x0a`, [word]), sprintf(`<pre>%s1337</pre>`, [word]), sprintf(`{"out":"%s1337\x5cn"}`, [word])] {
			found := rule.finding with input as asked(request, answer)
			f.malicious(found)
			f.pointed(found)
		}
	}
}

# A message about the parameter is no answer, nor is the request itself, nor what
# was never ordered.
test_not_what_is_only_repeated if {
	request := sprintf(`{"cmd":"echo %s$((191*7))"}`, [word])
	every answer in [sprintf(`\x0agrep: %s1337: No such file or directory\x0a`, [word]), sprintf(`<p>echo %s$((191*7))</p>`, [word]), "1337"] {
		count(rule.finding) == 0 with input as asked(request, answer)
	}
	count(rule.finding) == 0 with input as asked(sprintf(`GET /?id=%s1337 HTTP/1.1`, [word]), sprintf(`<p>%s1337</p>`, [word]))
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
	every name in ["webshell-exec.parameter", "webshell-exec.behind-a-form", "webshell-exec.cgi-script", "webshell-exec.written-when-it-runs"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["webshell-exec.own-children", "webshell-exec.own-form", "webshell-exec.cgi-that-repeats", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
