# METADATA
# title: Interpreter given encoded code
# description: >-
#   An interpreter was started with code in its arguments that decodes and
#   evaluates more code.
# custom:
#   severity: high
#   group: ingress
#   attack_version: "18"
#   attack:
#     - {id: T1059, name: Command and Scripting Interpreter, tactic: Execution}
#     - {id: T1027.010, name: Command Obfuscation, tactic: Defense Evasion}
#   remediation: >-
#     Decode the argument and read it. Put programs into files of the image.
package sallyport.behaviours.initial_execution["interp-inline-encoded"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s is given code that decodes and runs more%s", [lib.base(p.exe), lib.because(proofs)]),
	"malicious": count(proofs) > 0,
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": array.concat(
		[object.union(lib.process_evidence(p, concat("; ", array.concat(["is started with encoded code"], sort(proofs)))), {"data": substring(code, 0, 400)})],
		lib.first(2, called(p)),
	),
} if {
	some id in languages
	p := input.processes[id]
	some i, option in array.slice(p.argv, 1, 8)
	regex.match(`^(-[a-zA-Z]*[cerE]|--eval|--run)$`, option)
	code := p.argv[i + 2]
	count(code) > 200
	regex.match(decodes, code)
	regex.match(runs, code)
	proofs := proof(p)
}

# languages is the interpreters that are no shells.
languages := lib.interpreter_ids - lib.shell_ids

decodes := `(?i)base64|b64decode|a2b_|atob|\bunpack\b|fromhex|decompress|gzinflate|str_rot13|rot13|marshal|fromCharCode|\bhex2bin|(\\x[0-9a-f]{2}){8}|(chr\(\d+\)\W{0,3}){6}|from\([^)]*['"](base64|hex)`

runs := `(?i)\beval\b|\bexec\w*\b|\bsystem\b|\bspawn|\bpopen\b|subprocess|\bassert\s*\(|create_function|new\s+Function|\bFunction\s*\(|__import__|runInThisContext|child_process|\bcompile\s*\(`

# proof is what became of it: without, it may be a clumsy way to carry a script.
proof(p) := union({
	{"which calls somebody" | lib.dials(p.id)},
	{sprintf("which starts %s", [lib.base(c.exe)]) |
		some id in lib.descendants(p.id)
		id != p.id
		c := input.processes[id]
		not c.forked
	},
})

called(p) := {lib.flow_evidence(flow, "", "is called by it") |
	some id in lib.descendants(p.id)
	some flow in lib.flows_of(input.processes[id])
}
