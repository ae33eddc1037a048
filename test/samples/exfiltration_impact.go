package samples

// taken is the samples of what an intruder is after: the machine, and what is
// on it.
func taken() []Sample {
	hidden := script(`mkdir -p /tmp/.cache
cp /bin/actor /tmp/.cache/xmrig
exec /tmp/.cache/xmrig mine-xmr pool.supportxmr.com:3333
`)
	return []Sample{
		shows("mining-pool-dns/hidden", hidden, malicious, "pool.supportxmr.com", "connects there"),
		nearly("mining-pool-dns/other-name", acts("lookup", "supportxmr.com.example.test", "www.example.test")),

		shows("ddos-flood/datagrams", script("exec /bin/actor flood 203.0.113.90:80 6000\n"), malicious, "203.0.113.90:80"),
		nearly("ddos-flood/metrics", acts("flood", "statsd.example.test:8125", "400")),
	}
}
