package sallyport.behaviours.weaponization["security-disable_test"]

import data.sallyport.behaviours.weaponization["security-disable"] as rule
import data.sallyport.fixture as f

run(argv) := f.observation({"processes": [f.process(30, argv, {})]})

test_agents if {
	every argv in [
		["/bin/systemctl", "stop", "falcon-sensor.service"], ["/usr/bin/pkill", "-9", "AliYunDun"], ["/bin/rm", "-rf", "/usr/local/qcloud"],
		["/usr/bin/apt-get", "purge", "-y", "wazuh-agent"], ["/bin/busybox", "killall", "amazon-ssm-agent"],
	] {
		found := rule.finding with input as run(argv)
		f.malicious(found)
		f.pointed(found)
	}
}

test_access_control if {
	every argv in [["/usr/sbin/setenforce", "0"], ["/sbin/sysctl", "-w", "kernel.nmi_watchdog=0"], ["/bin/systemctl", "disable", "apparmor"]] {
		found := rule.finding with input as run(argv)
		{x.severity | some x in found} == {"high"}
		not f.malicious(found)
	}
}

# A common tool is no proof, and neither is a name.
test_common_tools_are_no_proof if {
	every argv in [["/usr/bin/pkill", "auditd"], ["/bin/systemctl", "stop", "acme-edr-agent.service"]] {
		found := rule.finding with input as run(argv)
		count(found) == 1
		not f.malicious(found)
	}
}

test_not_the_agents_own_image if {
	found := rule.finding with input as f.observation({"processes": [f.process(29, ["/usr/bin/falcon-sensor"], {}), f.process(30, ["/usr/bin/pkill", "falcon-sensor"], {})]})
	count(found) == 0
}

# VPNs and proxies begin with an empty firewall.
test_firewall if {
	found := rule.finding with input as run(["/usr/sbin/iptables", "-t", "nat", "-F"])
	{x.severity | some x in found} == {"low"}
}

test_not_others if {
	every argv in [
		["/usr/sbin/iptables", "-A", "INPUT", "-p", "tcp", "-j", "ACCEPT"], ["/bin/systemctl", "restart", "nginx"], ["/bin/systemctl", "start", "auditd"], ["/usr/bin/apt-get", "install", "-y", "auditd"],
		["/bin/rm", "-rf", "/var/cache/apk"], ["/usr/bin/pkill", "nginx"], ["/sbin/sysctl", "-w", "vm.swappiness=1"], ["/usr/sbin/setenforce", "1"],
	] {
		found := rule.finding with input as run(argv)
		count(found) == 0
	}
}

# Recorded from images that were run: see testdata/observations.
test_recorded if {
	every name in ["security-disable.cloud-agent"] {
		found := rule.finding with input as data.observations[name]
		f.pointed(found)
	}
}

test_not_recorded if {
	every name in ["security-disable.own-service", "benign.hello", "benign.web-entrypoint", "benign.web-server"] {
		count(rule.finding) == 0 with input as data.observations[name]
	}
}
