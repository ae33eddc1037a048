package sallyport.behaviours.initial_execution["ldso-proxy-exec_test"]

import data.sallyport.behaviours.initial_execution["ldso-proxy-exec"] as rule
import data.sallyport.fixture as f

run(argv) := f.observation({
	"processes": [f.process(30, argv, {"cwd": "/srv"})],
	"events": {"write": [f.event(20, "1.0", {"path": "/tmp/tool", "flags": 577}), f.event(21, "1.0", {"path": "/srv/tool", "flags": 577})]},
})

test_new_program if {
	every argv in [
		["/lib64/ld-linux-x86-64.so.2", "/tmp/tool"],
		["/lib/ld-linux-aarch64.so.1", "--library-path", "/tmp", "/tmp/tool", "x"],
		["/lib/ld-musl-x86_64.so.1", "./tool"],
	] {
		found := rule.finding with input as run(argv)
		count(found) == 1
		f.pointed(found)
		not f.malicious(found)
	}
}

# ldd does, and so do wrappers of the image's own programs.
test_not_own_programs_or_questions if {
	every argv in [["/lib64/ld-linux-x86-64.so.2", "/usr/bin/python3"], ["/lib64/ld-linux-x86-64.so.2", "--list", "/tmp/tool"], ["/usr/bin/tool", "/tmp/tool"], ["/lib64/ld-linux-x86-64.so.2"]] {
		count(rule.finding) == 0 with input as run(argv)
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["ldso-proxy-exec.new-program"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["ldso-proxy-exec.own-program", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
