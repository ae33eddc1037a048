package scenarios

import (
	"runtime"

	"github.com/sallyport-dev/sallyport/test/samples"
)

// wellMeant are images that do for good reasons what intruders do for bad ones.
func wellMeant() []Scenario {
	return []Scenario{
		webEntrypoint(), databaseFirstStart(), packagesAtStart(), nativeCode(), supervisorAndCron(), cloudApp(), nodeAgent(), sshServer(),
	}
}

func webEntrypoint() Scenario {
	image := script("/docker-entrypoint.sh", `set -e
for f in /docker-entrypoint.d/*.sh; do
	echo "$0: launching $f"
	"$f"
done
exec gosu app webserver 80
`, "/usr/local/bin/gosu", "/usr/local/bin/webserver")
	image.Ports, image.Env = []string{"80/tcp"}, []string{"SERVER_NAME=www.example.test"}
	image = files(image, map[string]string{
		"/docker-entrypoint.d/10-listen-on-ipv6.sh": "#!/bin/sh\nsed -i 's/listen 80;/listen 80; listen [::]:80;/' /etc/web/default.conf\n",
		"/docker-entrypoint.d/20-envsubst.sh":       "#!/bin/sh\nsed \"s/\\${SERVER_NAME}/$SERVER_NAME/\" /etc/web/site.template > /etc/web/site.conf\n",
		"/docker-entrypoint.d/30-logs.sh":           "#!/bin/sh\nmkdir -p /var/log/web\nln -sf /dev/stdout /var/log/web/access.log\nln -sf /dev/stderr /var/log/web/error.log\nchown -R app:app /var/log/web\n",
		"/etc/web/default.conf":                     "server { listen 80; }\n",
		"/etc/web/site.template":                    "server_name ${SERVER_NAME};\n",
	})
	image.Links = map[string]string{"/bin/chown": "busybox"}
	return well("ab1-web-entrypoint", "Scripts at the start rewrite settings, link logs, and the server drops its rights.", image,
		"drift-exec-script", "log-wipe", "bind-shell", "uid-elevation").repeated()
}

func databaseFirstStart() Scenario {
	image := script("/usr/local/bin/docker-entrypoint.sh", `set -e
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$PGDATA"
	chown -R postgres "$PGDATA"
	exec gosu postgres "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	if [ -z "$DB_PASSWORD" ]; then
		echo 'error: database is uninitialized and DB_PASSWORD is not set' >&2
		exit 1
	fi
	sh -c 'echo 16 > "$PGDATA/PG_VERSION"; mkdir -p "$PGDATA/base" "$PGDATA/global"'
	for i in 1 2 3 4 5 6 7 8; do sh -c "head -c 8192 /dev/zero > $PGDATA/base/$i"; done
	echo "host all all all scram-sha-256" > "$PGDATA/pg_hba.conf"
	postgres -k &
	server=$!
	sleep 1
	kill "$server"
	wait "$server" || true
fi
exec postgres
`, "/usr/local/bin/gosu", "/usr/local/bin/postgres")
	image.Env, image.Volumes, image.Ports = []string{"PGDATA=/var/lib/postgresql/data"}, []string{"/var/lib/postgresql/data"}, []string{"5432/tcp"}
	image = files(image, map[string]string{"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\npostgres:x:999:999::/var/lib/postgresql:/bin/sh\n"})
	image.Links = map[string]string{"/bin/chown": "busybox"}
	return well("ab2-database-first-start", "A database makes its cluster at the first start, which needs a password that nobody gave.", image,
		"shm-exec", "uid-elevation", "env-exfil").inPasses("default", "completion")
}

func packagesAtStart() Scenario {
	// The image's own package manager: what it "downloads" lies in its cache.
	image := script("/entrypoint.sh", "set -e\napt-get update -q\napt-get install -y -q sudo-like\n/usr/bin/sudo-like ok || true\nexec webserver 8080\n", "/usr/local/bin/webserver")
	image.Built["/var/cache/apt/archives/sudo-like.bin"] = samples.Built{Package: player.Package, Tail: "1.9.13"}
	image = files(image, map[string]string{
		"/usr/bin/apt-get": `#!/bin/sh
case "$1" in
update) wget -q -O /dev/null http://deb.debian.org/debian/dists/bookworm/InRelease || true ;;
install) wget -q -O /dev/null http://deb.debian.org/debian/pool/main/s/sudo-like.deb || true
	dpkg --unpack sudo-like.deb ;;
esac
`,
		"/usr/bin/dpkg": `#!/bin/sh
cp /var/cache/apt/archives/sudo-like.bin /usr/bin/sudo-like.dpkg-new
chmod 4755 /usr/bin/sudo-like.dpkg-new
mv /usr/bin/sudo-like.dpkg-new /usr/bin/sudo-like
mkdir -p /var/lib/dpkg/info
echo '#!/bin/sh
echo "sudo-like:x:998:" >> /etc/group
chmod 4755 /usr/bin/sudo-like' > /var/lib/dpkg/info/sudo-like.postinst
chmod 755 /var/lib/dpkg/info/sudo-like.postinst
/var/lib/dpkg/info/sudo-like.postinst configure
`,
	})
	return well("ab3-packages-at-start", "A package manager installs a program with set-user-ID, runs its script, and the program is used.", image,
		"uid-elevation", "ingress-exec-marker")
}

func nativeCode() Scenario {
	native, err := library(runtime.GOARCH, "malloc")
	if err != nil {
		panic(err) // no CPU that this runs on
	}
	image := with(samples.Spec{Entrypoint: []string{"/opt/java/bin/java"}, Cmd: []string{"-Xmx256m", "-jar", "/opt/app/app.jar"}, Ports: []string{"8080/tcp"}}, "/opt/java/bin/java")
	image = files(image, map[string]string{"/opt/app/lib/libsnappyjava.so": native, "/opt/app/app.jar": "PK\x05\x06\n"})
	return well("ab4-native-code", "A runtime unpacks a library, compiles into memory, looks at its limits, and greets its neighbours.", image,
		"ld-preload-env", "scan-horizontal", "sandbox-check", "memfd-exec")
}

func supervisorAndCron() Scenario {
	image := script("/entrypoint.sh", `set -e
mkdir -p /run/scripts /var/spool/cron/crontabs
cp /opt/scripts/*.sh /run/scripts/
chmod 755 /run/scripts/*.sh
echo "$CRON_SCHEDULE /run/scripts/clean.sh >> /var/log/cron.log 2>&1" > /var/spool/cron/crontabs/root
/run/scripts/check.sh
exec /usr/bin/supervisord
`, "/usr/local/bin/webserver")
	image.Env, image.Ports = []string{"CRON_SCHEDULE=*/5 * * * *"}, []string{"8080/tcp"}
	image.Links = map[string]string{"/usr/sbin/crond": "/bin/busybox"}
	image = files(image, map[string]string{
		"/opt/scripts/clean.sh": "#!/bin/sh\nfind /srv/cache -type f -mmin +60 -exec rm -f {} +\n",
		"/opt/scripts/check.sh": "#!/bin/sh\ntest -x /usr/local/bin/webserver\n",
		"/srv/cache/.keep":      "",
		"/usr/bin/supervisord":  "#!/bin/sh\ncrond -f -l 8 &\nwebserver 8080 &\nwait\n",
	})
	return well("ab5-supervisor-and-cron", "A supervisor starts a scheduler and the program; the table and the scripts are made at the start.", image,
		"masq-daemon", "pipe-decode-shell", "hidden-path-exec").
		explained(map[string]string{
			"cron-persistence":  "A task was written when the image started. That its text comes from a variable makes it no proof, and still worth a look.",
			"drift-exec-script": "Scripts were copied to a folder that is not of the image, and run from there.",
		})
}

func cloudApp() Scenario {
	image := with(samples.Spec{Entrypoint: []string{"/usr/local/bin/app"}, Cmd: []string{"cloud-app"}, Ports: []string{"8080/tcp"}}, "/usr/local/bin/app")
	return well("ab6-cloud-app", "A program asks its cluster and its cloud for its settings, and signs a request with its key.", image,
		"canary-exfil", "kube-spread", "cred-harvest").repeated()
}

func nodeAgent() Scenario {
	image := with(samples.Spec{Entrypoint: []string{"/opt/agent/bin/node-agent"}}, "/opt/agent/bin/node-agent")
	return well("ab7-node-agent", "An agent watches processes, containers and its kubelet, and reports every ten seconds.", image,
		"dga-dns", "kube-spread", "environ-harvest", "docker-api-spread").
		explained(map[string]string{
			"beacon-periodic":     "It does call one place at regular intervals, and nothing in the image says which vendor that is.",
			"escape-runtime-sock": "It does talk to the engine's socket; an agent that was not meant to have it is worth a look.",
		})
}

func sshServer() Scenario {
	image := script("/entrypoint.sh", `set -e
echo "$USER_NAME:x:1000:1000::/home/$USER_NAME:/bin/sh" >> /etc/passwd
mkdir -p /home/$USER_NAME/.ssh /etc/ssh
echo "$PUBLIC_KEY" > /home/$USER_NAME/.ssh/authorized_keys
chmod 600 /home/$USER_NAME/.ssh/authorized_keys
chown -R 1000:1000 /home/$USER_NAME
exec /usr/sbin/sshd -D -e
`, "/usr/sbin/sshd")
	image.Env, image.Ports = []string{"USER_NAME=jane", "PUBLIC_KEY=" + strangersKey}, []string{"22/tcp"}
	image.Links = map[string]string{"/bin/chown": "busybox"}
	return well("ab8-ssh-server", "A server for SSH makes its host key, a user, and lets in the key that it was told.", image,
		"masq-daemon", "bind-shell", "ssh-spread").
		explained(map[string]string{
			"account-backdoor": "A user was added. Nobody else can tell whether that was wanted.",
			"ssh-key-backdoor": "A key that opens the server was written. It came from a variable, so it is no proof of malice.",
		})
}
