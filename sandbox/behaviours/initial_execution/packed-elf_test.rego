package sallyport.behaviours.initial_execution["packed-elf_test"]

import data.sallyport.behaviours.initial_execution["packed-elf"] as rule
import data.sallyport.fixture as f

run(elf, parts) := object.union(
	f.observation({"processes": [f.process(30, ["/usr/bin/tool"], object.union({"sha256": "aa"}, parts))]}),
	{"contents": {"aa": {"type": "elf", "elf": object.union({"packer": "", "code_entropy": 6.1}, elf)}}},
)

severities(found) := {x.severity | some x in found}

test_packed if {
	severities(rule.finding) == {"medium"} with input as run({"packer": "upx", "code_entropy": 7.9}, {"drift": true})
	severities(rule.finding) == {"medium"} with input as run({"packer": "upx-modified", "code_entropy": 7.9}, {})
	f.pointed(rule.finding) with input as run({"packer": "upx"}, {})
	not f.malicious(rule.finding) with input as run({"packer": "upx"}, {"drift": true})
}

# Tools are packed to make images small.
test_of_the_image_is_low if severities(rule.finding) == {"low"} with input as run({"packer": "upx"}, {})

test_left_behind if {
	found := rule.finding with input as object.union(run({"packer": "upx"}, {"sha256": "bb"}), {"files": {"created": [{"path": "/tmp/x", "sha256": "aa", "event": 5, "writer": "1.0", "executed": false}]}})
	count(found) == 1
}

test_not_plain if {
	count(rule.finding) == 0 with input as run({}, {"drift": true})
	count(rule.finding) == 0 with input as f.observation({})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["packed-elf.upx"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["packed-elf.plain", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
