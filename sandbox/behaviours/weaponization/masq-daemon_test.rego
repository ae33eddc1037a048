package sallyport.behaviours.weaponization["masq-daemon_test"]

import data.sallyport.behaviours.weaponization["masq-daemon"] as rule
import data.sallyport.fixture as f

run(process) := f.observation({"processes": [process]})

test_new_file if {
	found := rule.finding with input as run(f.process(30, ["/usr/sbin/sshd", "-D"], {"exe": "/tmp/.x/a", "drift": true}))
	f.malicious(found)
	f.pointed(found)
}

test_interpreter if {
	found := rule.finding with input as run(f.process(30, ["crond"], {"exe": "/usr/bin/perl"}))
	count(found) == 1
	not f.malicious(found)
}

test_not_links_versions_or_toolboxes if {
	every p in [
		f.process(30, ["crond", "-f"], {"exe": "/bin/busybox"}),
		f.process(30, ["mysqld"], {"exe": "/usr/sbin/mariadbd"}),
		f.process(30, ["php-fpm"], {"exe": "/usr/sbin/php-fpm8.2", "drift": true}),
		f.process(30, ["-sh"], {"exe": "/bin/dash"}),
		f.process(30, ["/usr/sbin/nginx"], {}),
		f.process(30, ["python3", "app.py"], {"exe": "/usr/bin/python3.11"}),
	] {
		found := rule.finding with input as run(p)
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["masq-daemon.drift"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["masq-daemon.other-name", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
