# METADATA
# title: Passwords guessed at services
# description: >-
#   At least ten different names or passwords were tried at databases, file
#   servers, terminals or web logins.
# custom:
#   severity: high
#   group: spread
#   attack_version: "18"
#   attack:
#     - {id: T1110.001, name: Password Guessing, tactic: Credential Access}
#   remediation: >-
#     Do not run this image. Look for logins on the services that it could
#     reach.
package sallyport.behaviours.propagation["db-bruteforce"]

import data.sallyport.lib

finding contains {
	"message": sprintf("tries %d different logins at %d host(s) (%s)", [count(logins), count(hosts), concat(", ", sort({t.app | some t in found}))]),
	"malicious": true,
	"confidence": 93,
	"lineage": id,
	"evidence": lib.first(6, {t.evidence | some t in found}),
} if {
	some id, found in tries
	logins := {t.login | some t in found}
	count(logins) >= 10
	hosts := {t.host | some t in found}
}

# tries is each login of each lineage.
tries := {id: found |
	some id in {i | some app in apps; some i, _ in input.network.apps[app]}
	found := array.concat(services(id), web(id))
	count(found) >= 10
}

apps := ["postgresql", "mysql", "mssql", "mongodb", "ftp", "telnet", "redis", "smtp", "http"]

services(id) := [{
	"app": app, "host": flow.dst_ip,
	"login": sprintf("%s %s %s %s", [app, m.fields.user, object.get(m.fields, "password", ""), object.get(m.fields, "answer", "")]),
	"evidence": lib.flow_evidence(flow, "", sprintf("tries to log in as %s", [m.fields.user])),
} |
	some app in ["postgresql", "mysql", "mssql", "mongodb", "ftp", "telnet", "smtp"]
	some i in input.network.apps[app][id]
	flow := input.network.flows[i]
	some m in flow.messages
	m.type in {"auth", "LOGIN"}
	m.fields.user
]

# web is HTTP Basic, RFC 7617, and Redis' AUTH: a password alone, or with a name.
web(id) := array.concat(
	[{"app": "http", "host": h.ip, "login": h.headers.Authorization, "evidence": lib.http_evidence(h, "tries to log in")} |
		input.network.apps.http[id]
		some h in lib.requests
		startswith(h.headers.Authorization, "Basic ")
		lib.lineage(h.process) == id
	],
	[{"app": "redis", "host": flow.dst_ip, "login": sprintf("redis %s", [m.fields.args]), "evidence": lib.flow_evidence(flow, "", "tries a password")} |
		some i in input.network.apps.redis[id]
		flow := input.network.flows[i]
		some m in flow.messages
		m.type == "AUTH"
	],
)
