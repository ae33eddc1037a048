package sallyport.behaviours.initial_execution["compile-on-target_test"]

import data.sallyport.behaviours.initial_execution["compile-on-target"] as rule
import data.sallyport.fixture as f

run(argv, parts) := f.observation({"processes": [f.process(30, argv, parts)]})

test_compiles_is_medium if {
	every argv in [["/usr/bin/gcc", "-o", "/srv/tool", "x.c"], ["/usr/local/go/bin/go", "build", "./..."], ["/usr/bin/tcc", "-run", "x.c"]] {
		found := rule.finding with input as run(argv, {})
		{x.severity | some x in found} == {"medium"}
		f.pointed(found)
		not f.malicious(found)
	}
}

test_what_no_program_is_compiled_for if {
	f.malicious(rule.finding) with input as run(["/usr/bin/ld", "-r", "-o", "/tmp/rootkit.ko", "x.o"], {})
	f.malicious(rule.finding) with input as run(["/usr/bin/gcc", "-shared", "x.c", "-o", "/usr/lib/.hide.so"], {})
	f.malicious(rule.finding) with input as f.observation({
		"processes": [f.process(30, ["/usr/bin/gcc", "-shared", "x.c", "-o", "/usr/local/lib/libprocesshider.so"], {})],
		"created": [{"path": "/etc/ld.so.preload", "head": "/usr/local/lib/libprocesshider.so\\x0a", "type": "text", "writer": "1.0", "event": 40, "sha256": "aa"}],
	})
}

# Packages with parts in C.
test_for_a_package_is_info if {
	found := rule.finding with input as f.observation({"processes": [
		f.process(29, ["/usr/bin/pip", "install", "x"], {}),
		f.process(30, ["/usr/bin/gcc", "-shared", "x.c", "-o", "/app/x.so"], {"parent": "29.0", "lineage": ["1.0", "29.0"]}),
	]})
	{x.severity | some x in found} == {"info"}
}

test_once_for_all_passes if {
	found := rule.finding with input as f.observation({"processes": [
		f.process(29, ["/usr/bin/gcc", "x.c"], {}),
		f.process(30, ["/usr/lib/gcc/cc1", "x.c"], {"parent": "29.0", "lineage": ["1.0", "29.0"]}),
	]})
	count(found) == 1
}

test_not_questions if {
	every argv in [["/usr/bin/gcc", "--version"], ["/usr/local/go/bin/go", "version"], ["/usr/bin/cc"], ["/usr/bin/ls", "-o", "x.ko"]] {
		count(rule.finding) == 0 with input as run(argv, {})
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["compile-on-target.hidden-library", "compile-on-target.program"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["compile-on-target.only-asks", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
