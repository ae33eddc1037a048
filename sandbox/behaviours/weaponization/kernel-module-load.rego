# METADATA
# title: Module of the kernel loaded
# description: >-
#   A program tried to load code into the kernel of the host. From outside of the
#   folder of the kernel's own modules, or from memory, it is a rootkit or a way
#   out of the container.
# custom:
#   severity: critical
#   group: escape
#   attack_version: "18"
#   attack:
#     - {id: T1547.006, name: Kernel Modules and Extensions, tactic: Persistence}
#     - {id: T1014, name: Rootkit, tactic: Defense Evasion}
#   remediation: >-
#     Do not run this image with SYS_MODULE. Load modules that it needs on the node.
package sallyport.behaviours.weaponization["kernel-module-load"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s loads a module from %s", [lib.base(p.exe), source]),
	"malicious": true,
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": [lib.call_evidence(e, sprintf("module from %s", [source])), lib.process_evidence(p, lib.command(p))],
} if {
	some e in input.events.module
	p := lib.process(e)
	not loader(p)
	source := origin(e)
}

# insmod takes any file; how it hands it to the kernel is its own affair.
finding contains {
	"message": sprintf("%s loads the module %s", [lib.base(p.exe), file]),
	"malicious": true,
	"confidence": 95,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"insmod"})
	some file in array.slice(p.argv, 1, count(p.argv))
	regex.match(`\.ko(\.[gx]z|\.zst)?$`, file)
	foreign_module(file)
}

finding contains {
	"message": sprintf("%s asks for a module of the host's kernel: %s", [lib.base(p.exe), lib.command(p)]),
	"malicious": false,
	"severity": "low",
	"confidence": 80,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, lib.command(p))],
} if {
	some p in lib.run({"modprobe"})
	loads(p.argv)
}

origin(e) := e.path if {
	e.path != ""
	foreign_module(e.path)
}

# init_module gets the module as bytes.
origin(e) := "memory" if object.get(e, "path", "") == ""

foreign_module(file) if not regex.match(`^(/usr)?/lib/modules/[^/]+/`, file)

foreign_module(file) if {
	lib.files[file]
	not file in lib.modified
}

# loader: modprobe and kmod find modules in the folder of the kernel only, and
# hand them over as bytes when they are compressed.
loader(p) if {
	not p.drift
	some name in p.names
	name in {"modprobe", "kmod", "insmod"}
}

loads(argv) if {
	some argument in array.slice(argv, 1, count(argv))
	not startswith(argument, "-")
	not lib.base(argument) == "modprobe"
	every a in argv {
		not a in {"-r", "-n", "-D", "-c", "--remove", "--dry-run", "--show-depends", "--showconfig"}
	}
}
