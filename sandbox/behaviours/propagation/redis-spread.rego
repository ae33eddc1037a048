# METADATA
# title: Redis of other hosts made to write files or run code
# description: >-
#   A Redis server elsewhere was told to write its data where a scheduler or
#   SSH reads them, to load a module, or to follow a master of the caller's. So
#   an open Redis becomes a shell on its host.
# custom:
#   severity: critical
#   group: spread
#   attack_version: "18"
#   attack:
#     - {id: T1210, name: Exploitation of Remote Services, tactic: Lateral Movement}
#   remediation: >-
#     Do not run this image. Give Redis a password, protected mode and no way
#     in from other networks; look at the hosts that it could reach.
package sallyport.behaviours.propagation["redis-spread"]

import data.sallyport.lib

finding contains {
	"message": sprintf("tells Redis at %d host(s): %s", [count(hosts), concat("; ", sort(abuses))]),
	"malicious": true,
	"confidence": 95,
	"lineage": id,
	"evidence": lib.first(6, {lib.flow_evidence(flow, "", concat("; ", sort(flow_abuses))) |
		some flow in flows
		flow_abuses := abuse(flow)
		count(flow_abuses) > 0
	}),
} if {
	some id, flows in lib.app_flows("redis")
	abuses := {a | some flow in flows; some a in abuse(flow)}
	count(abuses) > 0
	hosts := {flow.dst_ip | some flow in flows; count(abuse(flow)) > 0}
}

# Replication alone is what sentinels and operators arrange as well.
finding contains {
	"message": sprintf("makes Redis at %s follow %s", [lib.address(flow.dst_ip, flow.dst_port), master]),
	"malicious": false,
	"severity": "high",
	"confidence": 60,
	"lineage": id,
	"evidence": [lib.flow_evidence(flow, "", sprintf("replica of %s", [master]))],
} if {
	some id, flows in lib.app_flows("redis")
	some flow in flows
	count(abuse(flow)) == 0
	some master in masters(flow)
	not lib.told_at_start(split(master, " ")[0])
	not lib.goes_by(flow.process, {"redis-server", "redis-sentinel", "valkey-server", "valkey-sentinel", "keydb-server"})
}

abuse(flow) := union({written(flow), loaded(flow), followed(flow), evaluated(flow)})

# written: where cron, SSH, the loader or a web server would take the file for theirs.
written(flow) := {sprintf("CONFIG %s", [m.fields.args]) |
	some m in flow.messages
	m.type == "CONFIG"
	regex.match(`(?i)^set (dir\s+["']?(/etc(/|$|\s)|/var/spool/cron|/root|/home/|.*/\.ssh|/var/www|/usr/share/nginx|/proc|/lib|/usr)|dbfilename\s+["']?(authorized_keys|root|crontab|zzh|.*\.(so|php|jsp)|ld\.so\.preload)["']?\s*$)`, m.fields.args)
}

# loaded: modules that an administrator installs lie with the server's own files.
loaded(flow) := {sprintf("MODULE %s", [m.fields.args]) |
	some m in flow.messages
	m.type == "MODULE"
	regex.match(`(?i)^load(ex)?\s`, m.fields.args)
	not regex.match(`(?i)^load(ex)?\s+(/usr/lib|/opt|/usr/local/lib|/lib)/[^ ]*redis`, m.fields.args)
}

# followed: a master, and then a file or a module that came from it.
followed(flow) := {sprintf("SLAVEOF %s, then CONFIG or MODULE", [master]) |
	some master in masters(flow)
	some m in flow.messages
	m.type in {"CONFIG", "MODULE"}
	regex.match(`(?i)^(set\s+(dir|dbfilename)|load)\s`, m.fields.args)
}

# evaluated: a script that leaves the sandbox of Lua.
evaluated(flow) := {"EVAL that calls the system" |
	some m in flow.messages
	m.type == "EVAL"
	regex.match(`os\.execute|io\.popen|package\.loadlib`, m.fields.args)
}

masters(flow) := {m.fields.args |
	some m in flow.messages
	m.type in {"SLAVEOF", "REPLICAOF"}
	not regex.match(`(?i)^no\s+one`, m.fields.args)
}
