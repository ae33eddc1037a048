package sallyport.behaviours.initial_execution["memfd-exec_test"]

import data.sallyport.behaviours.initial_execution["memfd-exec"] as rule
import data.sallyport.fixture as f

test_executed_from_memory if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["[kworker/0:1]"], {"exe": "/memfd:x (deleted)", "memfd": true, "drift": true, "sha256": "bb", "parent": "29.0"})],
		"events": {"memfd": [f.event(28, "29.0", {"name": "x"})]},
	})
	f.malicious(found)
	f.pointed(found)
}

runtime(name, copied) := f.observation({"processes": [
	f.process(29, [name, "create"], {"sha256": "aa"}),
	f.process(30, [name, "init"], {"exe": "/memfd:runc_cloned:/proc/self/exe (deleted)", "memfd": true, "drift": true, "sha256": copied, "parent": "29.0"}),
]})

test_not_a_runtime_that_clones_itself if {
	found := rule.finding with input as runtime("/usr/bin/runc", "aa")
	count(found) == 0
}

# The name alone, or another content, is no excuse.
test_posing_as_runtime if {
	count(rule.finding) == 1 with input as runtime("/usr/bin/runc", "bb")
	count(rule.finding) == 1 with input as runtime("/usr/bin/tool", "aa")
}

# Interpreters with a compiler map memory that they made; they never execute it.
test_not_memfd_without_exec if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["/usr/bin/dotnet", "app.dll"], {})],
		"events": {"memfd": [f.event(31, "30.0", {"name": "doublemapper"})]},
	})
	count(found) == 0
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["memfd-exec.kernel-thread"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["memfd-exec.mapped-only", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
