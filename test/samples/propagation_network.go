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
		nearly("db-bruteforce/waits", acts("pg-guess", "db.example.test:5432", "12", "same")),
	}
}
