package sallyport.behaviours.propagation["net-recon-local_test"]

import data.sallyport.behaviours.propagation["net-recon-local"] as rule
import data.sallyport.fixture as f

open(seq, path) := f.event(seq, "30.0", {"path": path, "probe": false})

bot := f.process(30, ["/app/bot"], {})

test_several_ways if {
	found := rule.finding with input as f.observation({"processes": [bot], "events": {"open": [open(70, "/proc/net/route"), open(71, "/proc/net/arp"), open(72, "/proc/1/net/tcp")]}})
	count(found) == 1
	not f.malicious(found)
	f.pointed(found)
}

test_tools if {
	found := rule.finding with input as f.observation({"processes": [
		f.process(30, ["/sbin/ip", "route"], {}),
		f.process(31, ["/sbin/arp", "-an"], {}),
		f.process(32, ["/bin/netstat", "-tn"], {}),
	]})
	f.pointed(found)
}

test_not_few_or_setting_up if {
	every o in [
		{"processes": [bot], "events": {"open": [open(70, "/proc/net/route"), open(71, "/proc/net/ipv6_route"), open(72, "/proc/net/if_inet6")]}},
		{"processes": [f.process(30, ["/sbin/ip", "route", "add", "default", "via", "10.0.0.1"], {}), f.process(31, ["/sbin/ip", "link", "set", "tun0", "up"], {}), f.process(32, ["/bin/hostname", "-i"], {})]},
	] {
		count(rule.finding) == 0 with input as f.observation(o)
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["net-recon-local.files", "scan-neighbours.link"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["net-recon-local.own-address", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
