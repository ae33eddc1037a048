package samples

// spread is the samples of moving on to other machines.
func spread() []Sample {
	return []Sample{
		shows("ssh-spread/guesses", acts("ssh-guess", "203.0.113.60:22", "203.0.113.61:22", "203.0.113.62:22"), malicious, "203.0.113.60:22", "password of root"),
		nearly("ssh-spread/one-host", acts("ssh-once", "git.example.test:22")),

		shows("redis-spread/cron", acts("redis-say", "203.0.113.61:6379", "INFO", "CONFIG SET dir /var/spool/cron", "CONFIG SET dbfilename root", "SET x y", "SAVE"), malicious, "203.0.113.61:6379", "/var/spool/cron"),
		nearly("redis-spread/cache", acts("redis-say", "redis.example.test:6379", "PING", "CONFIG GET dir", "SET dir /etc", "GET dir")),

		shows("scan-vertical/host", acts("scan-ports", "198.18.60.7", "40"), bad, "198.18.60.7:"),
		nearly("scan-vertical/few-ports", acts("scan-ports", "198.18.60.7", "12")),

		shows("internet-search-recon/shodan", acts("http-get", "http://api.shodan.io/shodan/host/search?query=port:2375"), harmless, "api.shodan.io", "/shodan/host/search"),
		nearly("internet-search-recon/other-search", acts("http-get", "http://search.example.test/search?q=shodan.io")),

		shows("exploit-outbound/several", acts("exploit"), malicious, "203.0.113.71:80", "Log4Shell", "YARN"),
		nearly("exploit-outbound/log-shipper", acts("ship-logs")),

		shows("kube-spread/daemonset", acts("kube-spread"), malicious, "203.0.113.80:6443", "create daemonsets", "203.0.113.81:10250"),
		nearly("kube-spread/scraper", acts("kube-scrape")),

		shows("db-bruteforce/databases", acts("pg-guess", "203.0.113.64:5432", "12"), malicious, "203.0.113.64:5432", "postgres"),
		shows("scan-raw/syn", acts("syn-scan", "160"), malicious, "198.18.70.", ":22"),
		nearly("scan-raw/ping", acts("ping-some")),

		shows("worm-self-copy/upload", acts("self-copy"), malicious, "/bin/actor", "/upload"),
		nearly("worm-self-copy/report", acts("upload", "http://reports.example.test/upload", "/etc/os-release")),

		shows("package-worm/npm", acts("publish-package"), malicious, "npm_token", "/builder-tools"),
		nearly("package-worm/install", acts("install-package")),

		shows("net-recon-local/files", acts("look-around"), harmless, "/proc/", "routes"),
		nearly("net-recon-local/own-address", acts("own-address")),

		shows("scan-neighbours/link", acts("look-around", "20"), bad, "172.17.0.", ":2375").but("net-recon-local", "routes"),
		nearly("scan-neighbours/gateway", acts("look-around", "2")),

		shows("ssh-target-harvest/worm", acts("ssh-harvest"), malicious, "known_hosts", "203.0.113.66:22"),
		nearly("ssh-target-harvest/own-key", acts("ssh-once", "git.example.test:22")),

		nearly("db-bruteforce/waits", acts("pg-guess", "db.example.test:5432", "12", "same")),
	}
}
