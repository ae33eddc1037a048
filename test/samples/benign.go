package samples

import "runtime"

// benign are images as they should be: clean, whatever else is added later.
func benign() []Sample {
	well := func(name string, image Spec) Sample {
		return Sample{Name: "benign/" + name, Near: true, Image: image, Expect: Expect{MustNot: Slugs(), Verdict: clean}}
	}
	web := acts("webserver", "8080")
	web.Ports, web.User = []string{"8080/tcp"}, "app"

	configured := script(`set -e
for f in /entrypoint.d/*.sh; do . "$f"; done
exec httpd -f -p 8081 -h /srv/www
`)
	configured.Files["/entrypoint.d/10-name.sh"] = `sed "s/@NAME@/${NAME:-world}/" /srv/index.template > /srv/www/index.html
mkdir -p /run/app && echo "port=8081" > /run/app/app.conf
ln -sf /dev/stdout /var/log/access.log 2>/dev/null || true
`
	configured.Files["/srv/index.template"] = "<h1>Hello @NAME@</h1>\n"
	configured.Files["/srv/www/robots.txt"] = "User-agent: *\n"
	configured.Env, configured.Ports = []string{"NAME=reader"}, []string{"8081/tcp"}

	volume := script("test \"$(id -u)\" = 1000 && test \"$(id -g)\" = 33 && test -d /data && test \"$PWD\" = /work && echo ready\n")
	volume.User, volume.Volumes, volume.WorkingDir = "app:web", []string{"/data"}, "/work"
	return []Sample{
		well("hello", Spec{Entrypoint: []string{"/bin/echo"}, Cmd: []string{"hello"}}),
		well("web-server", web),
		well("web-entrypoint", configured),
		well("user-volume-workdir", volume),
		well("fails-at-once", script("echo 'DB_PASSWORD is not set' >&2\nexit 1\n")).verdict(clean[0], inconclusive[0]),
	}
}

// broken are images that cannot be run: each gets a verdict with its reason.
func broken() []Sample {
	cannot := func(name string, image Spec) Sample {
		return Sample{Name: "broken/" + name, Near: true, Image: image, Expect: Expect{MustNot: Slugs(), Verdict: inconclusive}}
	}
	other := acts("ok")
	other.Platform = foreign(runtime.GOARCH)
	nobody := acts("ok")
	nobody.User = "jane"
	return []Sample{
		cannot("no-entrypoint", Spec{}),
		cannot("no-layers", Spec{Bare: true, Entrypoint: []string{"/bin/true"}}),
		cannot("no-such-program", Spec{Entrypoint: []string{"/bin/nothing"}}),
		cannot("no-such-user", nobody),
		cannot("other-cpu", other).verdict(skipped[0]),
	}
}
