package sallyport.behaviours.initial_execution["drift-exec-elf_test"]

import data.sallyport.behaviours.initial_execution["drift-exec-elf"] as rule
import data.sallyport.fixture as f

run(parts) := f.observation({"processes": [f.process(30, ["/opt/agent"], object.union({"drift": true, "sha256": "aa", "provenance": "network"}, parts))]})

severities(found) := {x.severity | some x in found}

test_fetched_program_is_high if {
	found := rule.finding with input as run({})
	severities(found) == {"high"}
	not f.malicious(found)
	f.pointed(found)
}

# It comes from outside, and hides.
test_fetched_and_hidden if {
	every parts in [{"exe": "/tmp/.x/agent"}, {"exe": "/dev/shm/agent"}, {"deleted": true}, {"argv": ["[kworker/0:1]"]}] {
		f.malicious(rule.finding) with input as run(parts)
	}
}

# What is hidden and of the image itself is for other rules to weigh.
test_copy_is_medium if {
	found := rule.finding with input as run({"provenance": "image", "exe": "/tmp/.x/agent"})
	severities(found) == {"medium"}
	not f.malicious(found)
}

test_from_a_package_is_low if {
	severities(rule.finding) == {"low"} with input as run({"provenance": "pkgmgr"})
	severities(rule.finding) == {"low"} with input as run({"provenance": "unknown", "exe": "/tmp/_MEIx1/tool"})
}

test_compiled_is_medium if {
	found := rule.finding with input as f.observation({"processes": [
		f.process(29, ["/usr/local/go/bin/go", "run", "."], {}),
		f.process(30, ["/tmp/go-build1/b001/exe/main"], {"drift": true, "provenance": "unknown", "parent": "29.0", "lineage": ["1.0", "29.0"]}),
	]})
	severities(found) == {"medium"}
}

# As recorded of make install: install copies what ld made, and the workspace is removed.
installed(sha) := f.observation({
	"processes": [
		f.process(28, ["/usr/bin/make", "install"], {}),
		f.process(29, ["/usr/bin/cc", "-o", "server", "server.o"], {"parent": "28.0", "lineage": ["1.0", "28.0"]}),
		f.process(30, ["/usr/bin/ld", "-o", "server"], {"parent": "29.0", "lineage": ["1.0", "28.0", "29.0"]}),
		f.process(31, ["/usr/bin/install", "server", "/opt/server"], {"parent": "28.0", "lineage": ["1.0", "28.0"]}),
		f.process(32, ["/opt/server"], {"drift": true, "provenance": "unknown", "sha256": "aa"}),
	],
	"created": [
		{"path": "/tmp/build/server", "type": "elf", "sha256": sha, "writer": "30.0", "event": 30, "gone": true},
		{"path": "/opt/server", "type": "elf", "sha256": "aa", "writer": "31.0", "event": 31},
	],
})

test_installed_is_medium if severities(rule.finding) == {"medium"} with input as installed("aa")

test_another_than_was_compiled_is_high if severities(rule.finding) == {"high"} with input as installed("bb")

test_not_of_the_image_or_a_script if {
	count(rule.finding) == 0 with input as run({"drift": false})
	count(rule.finding) == 0 with input as run({"memfd": true})
	count(rule.finding) == 0 with input as object.union(run({}), {"contents": {"aa": {"type": "script"}}})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["drift-exec-elf.download", "drift-exec-elf.package"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["drift-exec-elf.copied-not-run", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
