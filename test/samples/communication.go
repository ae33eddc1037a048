package samples

func directEgress() []Sample {
	return []Sample{
		shows("direct-ip-egress/tcp", acts("dial", "198.51.100.7:443"), clean, "198.51.100.7:443"),
		nearly("direct-ip-egress/named", acts("http-get", "http://updates.example.test/latest.json")),
		nearly("direct-ip-egress/loopback", acts("loopback-shell")),
	}
}

func ircC2() []Sample {
	return []Sample{
		shows("irc-c2/bot", acts("irc-bot", "irc.botnet.test:6667"), malicious, "irc.botnet.test"),
		shows("irc-c2/odd-port", acts("irc-bot", "irc.botnet.test:8443"), malicious, "irc.botnet.test"),
		nearly("irc-c2/words-in-a-form", acts("nick-form")),
	}
}
