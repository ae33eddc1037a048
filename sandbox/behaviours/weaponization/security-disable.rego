# METADATA
# title: Protection of the machine switched off
# description: >-
#   A program stopped or removed an agent that watches the machine, or switched
#   off what protects it: firewall, mandatory access control, watchdog.
# custom:
#   severity: high
#   group: disable
#   attack_version: "18"
#   attack:
#     - {id: T1562.001, name: Disable or Modify Tools, tactic: Defense Evasion}
#     - {id: T1562.004, name: Disable or Modify System Firewall, tactic: Defense Evasion}
#   remediation: >-
#     Do not run this image. A container has no agents of the machine in it, and
#     no business with them.
package sallyport.behaviours.weaponization["security-disable"]

import data.sallyport.lib

# Agents of clouds and of vendors of protection.
finding contains {
	"message": sprintf("%s goes for %s", [lib.base(p.exe), concat(", ", sort(agents))]),
	"malicious": count(agents & proving) > 0,
	"severity": severity(agents & proving),
	"confidence": 92,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({
		"kill", "killall", "pkill", "rm", "unlink", "systemctl", "service", "rc-service", "rc-update", "update-rc.d", "chkconfig", "initctl",
		"apt", "apt-get", "dpkg", "yum", "dnf", "rpm", "apk", "chattr",
	})
	not lib.packaged(p.parent)
	ends(p)
	agents := {agent |
		some argument in array.slice(p.argv, 1, count(p.argv))
		some agent in named(argument)
	}
	count(agents) > 0
}

# proving is the agents that no image brings along to stop them again.
proving := {agent | some _, agent in data.lists.security_agents.names}

severity(agents) := "critical" if count(agents) > 0

else := "high"

# named is the agents that an argument is about: its own name, a unit, or a
# path. An image of such an agent looks after its own.
named(argument) := {agent |
	some word in regex.split(`[/ *]+`, argument)
	name := trim_suffix(word, ".service")
	some kind in ["names", "common"]
	agent := data.lists.security_agents[kind][name]
	count(lib.going_by({name})) == 0
} | {sprintf("%s, a protection by its name", [name]) |
	some word in regex.split(`[/ *]+`, argument)
	name := lower(trim_suffix(word, ".service"))
	regex.match(`^([a-z0-9]+[-_])*(edr|xdr|hids|antivirus|security)([-_]?(agent|sensor|daemon|service|d))$`, name)
	count(lib.going_by({name})) == 0
}

ends(p) if {
	some name in p.names
	name in {"kill", "killall", "pkill", "rm", "unlink"}
}

ends(p) if {
	some a in p.argv
	a in {"stop", "disable", "mask", "kill", "remove", "purge", "autoremove", "del", "erase", "-e", "off", "--purge", "-r", "-P"}
}

finding contains {
	"message": sprintf("%s switches off %s", [lib.base(p.exe), what]),
	"severity": grade,
	"confidence": 82,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"setenforce", "ufw", "iptables", "ip6tables", "nft", "firewall-cmd", "systemctl", "service", "sysctl", "aa-teardown", "aa-disable", "auditctl"})
	some [what, grade] in switched(concat(" ", array.slice(p.argv, 1, count(p.argv))), {n | some n in p.names})
}

finding contains {
	"message": sprintf("%s %s %s", [lib.base(p.exe), t.how, t.path]),
	"severity": "high",
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [lib.touched_evidence(t)],
} if {
	some t in lib.touched
	t.path in {"/proc/sys/kernel/nmi_watchdog", "/sys/fs/selinux/enforce", "/selinux/enforce", "/sys/kernel/security/apparmor/.remove"}
	p := lib.process(t.event)
}

# switched: the firewall belongs to VPNs and proxies too.
switched(words, names) := ((((((({["mandatory access control", "high"] | "setenforce" in names; regex.match(`^(0|[Pp]ermissive)$`, words)} | {["mandatory access control", "high"] | some n in names; n in {"aa-teardown", "aa-disable"}}) | {["mandatory access control", "high"] | some n in names; n in {"systemctl", "service"}; regex.match(`\b(stop|disable|mask)\b`, words); regex.match(`\bapparmor`, words)}) | {["audit", "high"] | "auditctl" in names; regex.match(`-e\s*0|-D`, words)}) | {["the watchdog", "high"] | "sysctl" in names; regex.match(`kernel[./]nmi_watchdog\s*=\s*0`, words)}) | {["the firewall", "medium"] | "ufw" in names; regex.match(`\bdisable\b`, words)}) | {["the firewall", "medium"] | some n in names; n in {"systemctl", "service"}; regex.match(`\b(stop|disable|mask)\b`, words); regex.match(`\b(firewalld|ufw|iptables|nftables)\b`, words)}) | {["the firewall", "low"] | some n in names; n in {"iptables", "ip6tables"}; regex.match(`(^| )(-F|--flush|-P (INPUT|OUTPUT|FORWARD) ACCEPT)( |$)`, words)}) | {["the firewall", "low"] | "nft" in names; regex.match(`flush ruleset`, words)}
