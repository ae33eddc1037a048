# METADATA
# title: Same program fetched for many processors
# description: >-
#   The same program was asked for in builds for several processors, one after
#   the other. Only who does not care on which machine he is does that:
#   installers ask the machine first.
# custom:
#   severity: high
#   group: ingress
#   attack_version: "18"
#   attack:
#     - {id: T1105, name: Ingress Tool Transfer, tactic: Command and Control}
#   remediation: >-
#     Do not run this image: this is how botnets arrive.
package sallyport.behaviours.initial_execution["multiarch-download"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s is fetched from %s for %s", [wanted, host, concat(", ", sort(archs))]),
	"malicious": true,
	"confidence": 95,
	"lineage": lineage,
	"evidence": lib.first(5, {a.evidence | some a in group}),
} if {
	count(asked) > 2
	some [host, wanted, lineage] in {[a.host, a.wanted, a.lineage] | some a in asked}
	group := [a | some a in asked; a.host == host; a.wanted == wanted; a.lineage == lineage]
	archs := {a.arch | some a in group}
	count({family(arch) | some arch in archs}) >= 3

	# Servers come as amd64, arm64, 386 or arm; who wants the others wants routers and cameras.
	some rare in archs
	not family(rare) in {"x86", "arm"}
	within(archs, group)
}

# asked is the requests for a file that names a processor, and those that a
# downloader was told to make.
asked := array.concat(requested, told)

requested := [part |
	some http in lib.requests
	http.method == "GET"
	part := object.union(
		named(http.path),
		{"host": http.host, "lineage": lib.lineage(http.process), "ms": http.ms, "evidence": lib.http_evidence(http, "is asked for")},
	)
]

told := [part |
	some id in lib.going_by(lib.names_in(data.lists.downloaders))
	p := input.processes[id]
	count(p.http) == 0
	some argument in p.argv
	some url in regex.find_all_string_submatch_n(`^(?:https?|ftp|tftp)://([^/]+)(/.*)$`, argument, 1)
	part := object.union(
		named(url[2]),
		{"host": url[1], "lineage": p.lineage_id, "ms": p.start_ms, "evidence": lib.process_evidence(p, "is told to fetch it")},
	)
]

# named splits the last part of a path into what is wanted and for which processor.
named(path) := {"wanted": sprintf("%s*%s", [m[1], m[4]]), "arch": lower(m[3])} if {
	m := regex.find_all_string_submatch_n(`(?i)/([^/?]*?)(^|[/._-]|)(x86_64|x86|x64|amd64|i[3-6]86|arm64|aarch64|arm[4-7]?(?:v[5-8]l?|hf|el|n)?|mipsel|mips64|mipsle|mips|mpsl|powerpc|ppc64le|ppc64|ppc|sh4|m68k|spc|sparc64|sparc|arc|riscv64|s390x)((?:[._-][^/?]*)?)$`, split(path, "?")[0], 1)[0]
}

family(arch) := "x86" if regex.match(`^(x86|x64|amd64|i[3-6]86)`, arch)

else := "arm" if regex.match("^(arm|aarch64)", arch)

else := arch

within(archs, group) if {
	some start in group
	count({a.arch | some a in group; a.ms >= start.ms; a.ms - start.ms <= 60000}) >= min({3, count(archs)})
}
