package sallyport.behaviours.initial_execution["hidden-path-exec_test"]

import data.sallyport.behaviours.initial_execution["hidden-path-exec"] as rule
import data.sallyport.fixture as f

run(exe, parts) := f.observation({"processes": [f.process(30, [exe], object.union({"drift": true}, parts))]})

test_new_program if {
	every exe in ["/tmp/.x/a", "/tmp/...", "/var/tmp/.a/.b/sh", "/usr/share/.cache/xmrig", "/dev/.udev2", "/tmp/ /a", "/var/lib/a /b", "/.d/a"] {
		found := rule.finding with input as run(exe, {})
		f.malicious(found)
		f.pointed(found)
	}
}

test_of_the_image_is_high if {
	found := rule.finding with input as run("/usr/share/.cache/xmrig", {"drift": false})
	count(found) == 1
	not f.malicious(found)
}

test_script_is_high if {
	found := rule.finding with input as run("/bin/sh", {"drift": false, "script": "/tmp/.x/a.sh", "script_drift": true})
	count(found) == 1
	not f.malicious(found)
}

# Programs of users, and of projects, lie in hidden folders by custom.
test_not_by_custom if {
	every exe in ["/root/.local/bin/uv", "/home/app/.cargo/bin/tool", "/root/.npm/_npx/x/bin/tool", "/srv/app/.venv/bin/python", "/opt/app/.venv/bin/gunicorn", "/tmp/.mount_appX/AppRun", "/usr/lib/a.b/c", "/app/My App/run", "/opt/app/.next/standalone/server.js", "/srv/app/node_modules/.bin/vite", "/app/.output/server/index.mjs", "/tmp/x"] {
		count(rule.finding) == 0 with input as run(exe, {})
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["hidden-path-exec.dot-folder"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["hidden-path-exec.local-bin", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
