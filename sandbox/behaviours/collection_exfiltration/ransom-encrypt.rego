# METADATA
# title: Files encrypted
# description: >-
#   Many of the image's own files were rewritten, or replaced by ones with
#   another ending, and are noise now. A note tells whom to pay. Of documents
#   that were planted, which no program of the image knows, few are enough.
# custom:
#   severity: critical
#   group: impact
#   attack_version: "18"
#   attack:
#     - {id: T1486, name: Data Encrypted for Impact, tactic: Impact}
#   remediation: >-
#     Do not run this image. Keep backups where no container can write.
package sallyport.behaviours.collection_exfiltration["ransom-encrypt"]

import data.sallyport.lib

finding contains {
	"message": sprintf("%d files are noise now%s", [count(spoiled), left]),
	"malicious": true,
	"confidence": 92,
	"lineage": lib.lineage(spoiled[0].writer),
	"evidence": array.concat(
		[evidence(file, sprintf("%.2f bits of entropy in each byte", [file.entropy])) | some file in array.slice(spoiled, 0, 4)],
		[evidence(file, "a note") | some file in array.slice(notes, 0, 2)],
	),
} if {
	many
	left := note
}

default many := false

many if count(spoiled) >= 50

many if {
	count(spoiled) >= 15
	count(notes) > 0
}

note := sprintf(", and %s says why", [notes[0].path]) if count(notes) > 0

else := ""

many if {
	planted := {path | some path in object.get(input.run, "bait", [])}
	count([file |
		some file in spoiled
		some path in {file.path, before(file)}
		path in planted
	]) >= 5
}

# spoiled is what was there before: changed in place, or gone for a file of the
# same name with something after it.
spoiled := array.concat(
	[file | some file in input.files.modified; noise(file)],
	[file |
		count(input.files.deleted) > 0
		some file in input.files.created
		noise(file)
		file.path != ""
		before(file) in gone
	],
)

# before is the file's name without what was put after it.
before(file) := regex.replace(file.path, `\.[^./]+$`, "")

gone := {path | some path in input.files.deleted}

# noise: small files have less room for it.
noise(file) if {
	file.type == "data"
	file.size >= 1024
	file.entropy >= 7.2
	not known(file)
}

noise(file) if {
	file.type == "data"
	file.size >= 64
	file.size < 1024
	file.entropy >= 5.3
	not known(file)
}

# known: pictures, sound and the like are as dense, and begin as they should.
known(file) if {
	head := input.contents[file.sha256].head
	regex.match(`^(\\xff\\xd8\\xff|\\x89PNG|GIF8|RIFF|OggS|ID3|fLaC|wOF|%PDF|\\x00\\x00\\x00.{1,4}ftyp|SQLite format|\\x1aE\\xdf\\xa3|glTF)`, head)
}

notes := [file |
	some file in input.files.created
	file.type == "text"
	regex.match(`(?i)(decrypt|restore|recover|ransom|unlock|how_?to|read_?me.*(files|now|!)|your_?files)[^/]*\.(txt|html?|hta|md)$`, file.path)
]

evidence(file, detail) := {"type": "file", "event": file.event, "ms": 0, "process": file.writer, "path": file.path, "detail": detail}
