package sallyport.behaviours.initial_execution["multiarch-download_test"]

import data.sallyport.behaviours.initial_execution["multiarch-download"] as rule
import data.sallyport.fixture as f

flow := f.flow("20.0", "198.18.9.9", 80, {"direct": true, "app": "http"})

asks(paths, every_ms) := f.observation({
	"processes": [f.process(20, ["/bin/busybox", "wget"], {})],
	"flows": [flow],
	"http": [f.request(flow, "GET", path, {"ms": 100 + (i * every_ms), "event": 50 + i}) | some i, path in paths],
})

told(urls) := f.observation({"processes": [f.process(20 + i, ["/usr/bin/wget", url], {}) | some i, url in urls]})

test_bot_for_all_processors if {
	every paths in [
		["/bins/k.x86", "/bins/k.mips", "/bins/k.mpsl", "/bins/k.arm7"],
		["/x86", "/mips", "/arm7"],
		["/jackmyx86", "/jackmymipsel", "/jackmysh4"],
		["/b/bot-arm5?id=1", "/b/bot-i586?id=1", "/b/bot-m68k?id=1"],
	] {
		found := rule.finding with input as asks(paths, 500)
		f.malicious(found)
		f.pointed(found)
	}
}

test_as_told if f.malicious(rule.finding) with input as told(["http://198.18.9.9/k.x86", "ftp://198.18.9.9/k.mips", "http://198.18.9.9/k.ppc", "http://198.18.9.9/k.arm"])

# Installers ask for one, mirrors for those of servers, and everybody for different things.
test_not_installers_or_mirrors if {
	every paths in [
		["/dl/tool-linux-amd64", "/dl/tool-linux-amd64.sha256"],
		["/dl/tool-linux-amd64", "/dl/tool-linux-arm64", "/dl/tool-linux-386", "/dl/tool-linux-armv7"],
		["/a_mips.deb", "/b_amd64.deb", "/c_arm64.deb"],
		["/alarm", "/charm", "/farm"],
	] {
		count(rule.finding) == 0 with input as asks(paths, 500)
	}
}

test_not_over_days if count(rule.finding) == 0 with input as asks(["/k.x86", "/k.mips", "/k.arm7"], 100000)

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["multiarch-download.all"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["multiarch-download.own-machine", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
