package sallyport.behaviours.collection_exfiltration["ransom-encrypt_test"]

import data.sallyport.behaviours.collection_exfiltration["ransom-encrypt"] as rule
import data.sallyport.fixture as f

file(path, parts) := object.union(
	{"path": path, "type": "data", "target": "", "mode": 420, "uid": 0, "size": 4096, "sha256": "aa", "entropy": 7.95, "head": "", "executed": false, "writer": "30.0", "provenance": "unknown", "event": 70},
	parts,
)

files(n, parts) := [file(sprintf("/srv/d/%d.doc", [i]), parts) | some i in numbers.range(1, n)]

bot := f.process(30, ["/app/bot"], {})

test_rewritten if {
	found := rule.finding with input as f.observation({"processes": [bot], "modified": files(60, {})})
	f.malicious(found)
	f.pointed(found)
}

test_replaced_with_a_note if {
	o := json.patch(
		f.observation({"processes": [bot], "created": array.concat(
			[file(sprintf("/srv/d/%d.doc.locked", [i]), {}) | some i in numbers.range(1, 20)],
			[file("/srv/d/HOW_TO_DECRYPT.txt", {"type": "text", "entropy": 4})],
		)}),
		[{"op": "replace", "path": "/files/deleted", "value": [sprintf("/srv/d/%d.doc", [i]) | some i in numbers.range(1, 20)]}],
	)
	found := rule.finding with input as o
	f.malicious(found)
}

# Documents that were planted: a program that comes with the image has none of them.
test_bait if {
	names := [sprintf("/mnt/share/%d.pdf", [i]) | some i in numbers.range(1, 6)]
	o := json.patch(
		f.observation({"processes": [bot], "created": [file(sprintf("%s.enc", [name]), {}) | some name in names]}),
		[{"op": "replace", "path": "/files/deleted", "value": names}, {"op": "add", "path": "/run/bait", "value": names}],
	)
	found := rule.finding with input as o
	f.malicious(found)
	f.pointed(found)
	few := json.patch(o, [{"op": "replace", "path": "/run/bait", "value": array.slice(names, 0, 4)}])
	count(rule.finding) == 0 with input as few
}

test_not_few_or_text_or_pictures_or_copies if {
	count(rule.finding) == 0 with input as f.observation({"processes": [bot], "modified": files(20, {})})
	count(rule.finding) == 0 with input as f.observation({"processes": [bot], "modified": files(60, {"type": "text", "entropy": 4.8})})
	count(rule.finding) == 0 with input as f.observation({"processes": [bot], "created": [file(sprintf("/backup/%d.doc.gpg", [i]), {}) | some i in numbers.range(1, 60)]})
	pictures := json.patch(f.observation({"processes": [bot], "modified": files(60, {})}), [{"op": "add", "path": "/contents", "value": {"aa": {"head": `\xff\xd8\xff\xe0`}}}])
	count(rule.finding) == 0 with input as pictures
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["ransom-encrypt.documents"]
	f.malicious(found)
	f.pointed(found)
}

test_recorded_bait if {
	found := rule.finding with input as data.observations["ransom-encrypt.bait"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["ransom-encrypt.backup", "ransom-encrypt.bait-kept", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
