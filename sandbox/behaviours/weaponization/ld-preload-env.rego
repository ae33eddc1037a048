# METADATA
# title: Library put into other programs from outside the image
# description: >-
#   A program started with LD_PRELOAD, LD_AUDIT or LD_LIBRARY_PATH and loaded a
#   library by it that the image did not contain. Such a library can replace any
#   function of the program.
# custom:
#   severity: high
#   group: hide
#   attack_version: "18"
#   attack:
#     - {id: T1574.006, name: Dynamic Linker Hijacking, tactic: Persistence}
#   remediation: >-
#     Put libraries that programs need into the image at build time.
package sallyport.behaviours.weaponization["ld-preload-env"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%s loads %s by %s", [lib.base(p.exe), e.path, split(v, "=")[0]]),
	"confidence": 85,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, v), lib.call_evidence(e, "mapped as code")],
} if {
	some e in input.events.map_exec
	p := lib.process(e)
	not lib.packaged(p.id)
	not unpacked(e.path)
	some v in p.env
	names(v, e.path)
}

# The loader gave up on the file, which tells nothing about what it was for.
finding contains {
	"message": sprintf("%s is to load %s by %s", [lib.base(p.exe), path, split(v, "=")[0]]),
	"confidence": 80,
	"lineage": p.lineage_id,
	"evidence": [lib.process_evidence(p, v)],
} if {
	count(libraries) > 0
	some p in lib.loaded
	some v in p.env
	strings.any_prefix_match(v, ["LD_PRELOAD=", "LD_AUDIT="])
	some path in libraries
	names(v, path)
}

names(v, path) if {
	strings.any_prefix_match(v, ["LD_PRELOAD=", "LD_AUDIT="])
	some word in regex.split(`[ :]+`, regex.replace(v, `^[A-Z_]+=`, ""))
	word in {path, lib.base(path)}
}

names(v, path) if {
	startswith(v, "LD_LIBRARY_PATH=")
	some folder in split(trim_prefix(v, "LD_LIBRARY_PATH="), ":")
	folder != ""
	startswith(path, concat("", [trim_right(folder, "/"), "/"]))
	strings.any_prefix_match(path, ["/tmp/", "/var/tmp/", "/dev/shm/"])
}

libraries := {path |
	some path, file in lib.files
	file.type == "elf"
	file.provenance != "pkgmgr"
	regex.match(`\.so(\.[0-9.]+)?$`, path)
}

# Programs that carry their libraries unpack them for themselves.
unpacked(path) if regex.match(`/(_MEI|jna|netty|snappy|libnetty|onnxruntime|\.mount_)[^/]*`, path)
