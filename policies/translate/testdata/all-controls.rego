# METADATA
# title: "all-controls"
# description: "Every control at once."
# custom:
#   scope: "image.repo.prod/*"
#   blocks: true
#   generated: from the assurance policy of the same name; change that one
package assurance["all-controls"]

# image.repo.prod/*
in_scope if v1

# image.repo.prod/*
v1 if {
	some value in input.image.repositories
	startswith(value, "prod/")
}

# allowed by this policy, by jane: moves next month
exempt contains reason if {
	some name in input.image.names
	startswith(name, "prod/legacy:")
	reason := {"control": "*", "msg": "allowed by this policy, by jane: moves next month"}
}

# excused by john until 2027-02-01T00:00:00Z: needs a licence server
exempt contains reason if {
	some name in input.image.names
	name == "prod/old:1"
	time.parse_rfc3339_ns(input.now) < 1801440000000000000
	reason := {"control": "dta", "msg": "excused by john until 2027-02-01T00:00:00Z: needs a licence server"}
}

# denied by name
deny contains finding if {
	some registry in input.image.registries
	registry == "ghcr.io"
	some name in input.image.repositories
	name == "evil/miner"
	finding := {"control": "allowed_images", "msg": "denied by name"}
}

default dta_worst := "no finding was recorded"

dta_worst := input.dta.findings[0].message

# A result that passes counts for 30d; proof of malice does not age.
dta_fresh if {
	age := time.parse_rfc3339_ns(input.now) - time.parse_rfc3339_ns(input.dta.time)
	age <= 2592000000000000
}

# METADATA
# title: Dynamic threat analysis
# description: The sandbox proved that the image is malicious.
# custom:
#   control: dta
deny contains finding if {
	input.dta.status == "done"
	input.dta.malicious == true
	finding := {
		"control": "dta",
		"msg": sprintf("malicious when run: %s", [dta_worst]),
		"facts": {"dta_malicious": true, "dta_severity_found": object.get(input.dta, "severity", "")},
	}
}

# METADATA
# title: Dynamic threat analysis
# description: What the image did when it was run has severity high or worse.
# custom:
#   control: dta
deny contains finding if {
	input.dta.status == "done"
	input.dta.malicious == false
	input.dta.severity in {"high", "critical"}
	finding := {
		"control": "dta",
		"msg": sprintf("severity %s when run (fails from high on): %s", [input.dta.severity, dta_worst]),
		"facts": {"dta_severity_allowed": "high", "dta_severity_found": input.dta.severity},
	}
}

# The sandbox could not tell: a remark, no failure.
warn contains remark if {
	input.dta.status == "done"
	dta_fresh
	input.dta.verdict == "inconclusive"
	remark := {
		"control": "dta",
		"msg": sprintf("dynamic analysis was inconclusive: %s", [object.get(input.dta, "reason", "no reason given")]),
		"facts": {"dta_inconclusive": true},
	}
}

pending contains state if {
	not input.dta.status in {"done", "skipped"}
	state := {"control": "dta", "msg": "waits for dynamic analysis"}
}

pending contains state if {
	input.dta.status == "done"
	not dta_fresh
	state := {"control": "dta", "msg": "the last dynamic analysis is older than 30d"}
}

# Out of the sandbox's reach is said, and fails nothing.
skip contains remark if {
	input.dta.status == "skipped"
	remark := {
		"control": "dta",
		"msg": object.get(input.dta, "reason", "no reason given"),
		"facts": {"dta_skipped": true, "dta_skipped_reason": object.get(input.dta, "reason", "no reason given")},
	}
}

malware_counts(m) if {
	watched_path(m.path)
	not malware_excepted(m.path)
	not ignored_path(m.path)
}

watched_path(path) if path == "/usr"

watched_path(path) if startswith(path, "/usr/")

watched_path(path) if regex.match("(?s)^/opt/.*\\.bin$", path)

malware_excepted(path) if path == "/usr/share/samples"

malware_excepted(path) if startswith(path, "/usr/share/samples/")

# METADATA
# title: Malware
# description: Known malware is among the image's files.
# custom:
#   control: malware
deny contains finding if {
	input.summary.malware > 0
	names := {sprintf("%s in %s", [m.name, m.path]) |
		some m in input.malware.items
		not m.pua
		malware_counts(m)
	}
	count(names) > 0
	finding := {
		"control": "malware",
		"msg": listed(names),
		"facts": {"malware_found": count(names)},
	}
}

# Potentially unwanted software is said, and fails nothing.
warn contains remark if {
	input.summary.malware > 0
	names := {sprintf("%s in %s", [m.name, m.path]) |
		some m in input.malware.items
		m.pua
		malware_counts(m)
	}
	count(names) > 0
	remark := {"control": "malware", "msg": sprintf("potentially unwanted: %s", [listed(names)])}
}

secret_excepted(path) if path == "/etc/ssl/private/snakeoil.key"

secret_excepted(path) if startswith(path, "/etc/ssl/private/snakeoil.key/")

# METADATA
# title: Sensitive data
# description: A credential is among the image's files.
# custom:
#   control: sensitive_data
deny contains finding if {
	input.summary.secrets > 0
	names := {sprintf("%s in %s", [s.type, s.path]) |
		some s in input.secrets.items
		not secret_excepted(s.path)
		not ignored_path(s.path)
	}
	count(names) > 0
	finding := {
		"control": "sensitive_data",
		"msg": listed(names),
		"facts": {"sensitive_data_found": count(names)},
	}
}

# METADATA
# title: Vulnerability severity
# description: A vulnerability has severity high or worse.
# custom:
#   control: max_severity
deny contains finding if {
	found := {severity: names |
		some severity in ["critical", "high"]
		names := {sprintf("%s (%s)", [v.id, v.package]) |
			some v in counted
			v.fix_version
			v.score >= 4
			object.get(v, "custom_severity", v.severity) == severity
		}
		count(names) > 0
	}
	worst := [severity | some severity in ["critical", "high"]; found[severity]][0]
	finding := {
		"control": "max_severity",
		"msg": sprintf("severity %s (fails from high on): %s", [worst, listed(found[worst])]),
		"facts": {"maximum_severity_allowed": "high", "maximum_severity_found": worst},
	}
}

# METADATA
# title: Vulnerability score
# description: A vulnerability has a score above 7.5.
# custom:
#   control: max_score
deny contains finding if {
	scores := [v.score |
		some v in counted
		v.score >= 4
	]
	highest := max(scores)
	highest > 7.5
	names := {sprintf("%s (%s)", [v.id, v.package]) |
		some v in counted
		v.score >= 4
		v.score == highest
	}
	finding := {
		"control": "max_score",
		"msg": sprintf("score %v (allowed up to 7.5): %s", [highest, listed(names)]),
		"facts": {"maximum_score_allowed": 7.5, "maximum_score_found": highest},
	}
}

# METADATA
# title: Aggregated vulnerability
# description: A vulnerability has both the severity and the score that this policy names.
# custom:
#   control: aggregated_vulnerability
deny contains finding if {
	names := {sprintf("%s (%s)", [v.id, v.package]) |
		some v in counted
		v.score >= 5
		v.score <= 9.5
		object.get(v, "custom_severity", v.severity) in {"medium", "high", "critical"}
	}
	count(names) > 0
	finding := {
		"control": "aggregated_vulnerability",
		"msg": listed(names),
		"facts": {"vulnerabilities_found": count(names)},
	}
}

# METADATA
# title: Denied vulnerabilities
# description: The image has a vulnerability that this policy denies by name.
# custom:
#   control: cve_blacklist
deny contains finding if {
	denied := object.keys(input.vulnerabilities.by_id) & {"CVE-2021-44228"}
	found := denied
	count(found) > 0
	finding := {
		"control": "cve_blacklist",
		"msg": listed(found),
		"facts": {"denied_vulnerabilities_found": sort(found)},
	}
}

# METADATA
# title: Exploitability
# description: A vulnerability has a known exploit.
# custom:
#   control: exploitability
deny contains finding if {
	names := {sprintf("%s (%s): %s", [v.id, v.package, exploit]) |
		some v in counted
		some exploit in v.exploits
		exploit in {"remote"}
	}
	count(names) > 0
	finding := {
		"control": "exploitability",
		"msg": listed(names),
		"facts": {"exploitable_vulnerabilities_found": count(names)},
	}
}

# METADATA
# title: Root user
# description: The image runs as root.
# custom:
#   control: root_user
deny contains finding if {
	input.image.runs_as_root == true
	finding := {
		"control": "root_user",
		"msg": "runs as root; set another user with USER",
		"facts": {"user": input.image.user},
	}
}

denied_package contains p if {
	some p in input.packages.items
	p.name in {"netcat", "telnet"}
}

# openssl <3.0.11-1~deb12u2 of deb
denied_package contains p if {
	some p in input.packages.items
	p.name == "openssl"
	p.format == "deb"
	p.version_key < "0#13{2e#0{2e#211##11!deb#212u#12#"
}

# log4j* >=2,<2.17.1
denied_package contains p if {
	some p in input.packages.items
	startswith(p.name, "log4j")
	bound1 := {"deb": "0#12##0#", "rpm": "0(12##", "apk": "l12e0", "other": "k12h"}
	p.version_key >= bound1[p.version_kind]
	bound2 := {"deb": "0#12{2e#217{2e#11##0#", "rpm": "0(12(217(11##", "apk": "l12l217l11e0", "other": "k12k217k11h"}
	p.version_key < bound2[p.version_kind]
}

# bash 5.* release 2 epoch 1 for amd64 under GPL-3.0*
denied_package contains p if {
	some p in input.packages.items
	p.name == "bash"
	p.epoch == "1"
	some version in {p.version, p.full_version}
	startswith(version, "5.")
	p.release == "2"
	p.arch == "amd64"
	some license in p.licenses
	startswith(lower(license), "gpl-3.0")
}

# METADATA
# title: Denied packages
# description: A package that this policy denies is in the image.
# custom:
#   control: blacklisted_packages
deny contains finding if {
	names := {sprintf("%s %s", [p.name, p.full_version]) | some p in denied_package}
	count(names) > 0
	finding := {
		"control": "blacklisted_packages",
		"msg": listed(names),
		"facts": {"blacklisted_packages_found": sort(names)},
	}
}

missing_package contains name if {
	some name in {"ca-certificates"}
	not name in {p.name |
		some p in input.packages.items
		not p.claimed
	}
}

# tzdata >=2024
missing_package contains "tzdata >=2024" if not has_package_1

has_package_1 if {
	some p in input.packages.items
	not p.claimed
	p.name == "tzdata"
	bound1 := {"deb": "0#42024##0#", "rpm": "0(42024##", "apk": "l42024e0", "other": "k42024h"}
	p.version_key >= bound1[p.version_kind]
}

# METADATA
# title: Required packages
# description: A package that this policy requires is not in the image.
# custom:
#   control: required_packages
deny contains finding if {
	input.packages.known
	count(missing_package) > 0
	finding := {
		"control": "required_packages",
		"msg": sprintf("lacks %s", [listed(missing_package)]),
		"facts": {"required_packages_missing": sort(missing_package)},
	}
}

denied_license(license) if license in {"agpl-3.0-only"}

denied_license(license) if startswith(license, "sspl")

# METADATA
# title: Denied licences
# description: A package is under a licence that this policy denies.
# custom:
#   control: license
deny contains finding if {
	found := {[license, p.name] |
		some p in input.packages.items
		some license in p.licenses
		denied_license(lower(license))
	}
	count(found) > 0
	names := {sprintf("%s (%s)", pair) | some pair in found}
	finding := {
		"control": "license",
		"msg": listed(names),
		"facts": {"blacklisted_licenses_found": sort({license | some [license, _] in found})},
	}
}

allowed_license(license) if license in {"apache-2.0", "mit"}

allowed_license(license) if startswith(license, "gpl")

# METADATA
# title: Allowed licences
# description: A package is under a licence that this policy does not allow.
# custom:
#   control: whitelisted_licenses
deny contains finding if {
	found := {[license, p.name] |
		some p in input.packages.items
		some license in p.licenses
		license != "NOASSERTION"
		not allowed_license(lower(license))
	}
	count(found) > 0
	names := {sprintf("%s (%s)", pair) | some pair in found}
	finding := {
		"control": "whitelisted_licenses",
		"msg": listed(names),
		"facts": {"licenses_not_allowed_found": sort({license | some [license, _] in found})},
	}
}

# What nobody knows the licence of is said, and fails nothing: deny NOASSERTION for that.
warn contains remark if {
	input.packages.known
	names := {p.name |
		some p in input.packages.items
		every license in p.licenses {
			license == "NOASSERTION"
			not allowed_license(lower(license))
		}
	}
	count(names) > 0
	remark := {"control": "whitelisted_licenses", "msg": sprintf("nobody knows the licence of %s", [listed(names)])}
}

# org.opencontainers.image.source
missing_label contains "org.opencontainers.image.source" if not has_label_1

has_label_1 if {
	input.image.labels["org.opencontainers.image.source"] != null
}

# stage=prod*
missing_label contains "stage=prod*" if not has_label_2

has_label_2 if {
	startswith(input.image.labels.stage, "prod")
}

# METADATA
# title: Required labels
# description: A label that this policy requires is not on the image.
# custom:
#   control: required_labels
deny contains finding if {
	count(missing_label) > 0
	finding := {
		"control": "required_labels",
		"msg": sprintf("lacks the label %s", [listed(missing_label)]),
		"facts": {"required_labels_missing": sort(missing_label)},
	}
}

# debug*=true
forbidden_label contains sprintf("%s=%s", [key, value]) if {
	some key, value in input.image.labels
	startswith(key, "debug")
	value == "true"
}

# METADATA
# title: Forbidden labels
# description: A label that this policy forbids is on the image.
# custom:
#   control: forbidden_labels
deny contains finding if {
	count(forbidden_label) > 0
	finding := {
		"control": "forbidden_labels",
		"msg": sprintf("has the label %s", [listed(forbidden_label)]),
		"facts": {"forbidden_labels_found": sort(forbidden_label)},
	}
}

# docker.io/debian:12*
trusted_base if {
	some base in input.image.base_images.items
	not base.claimed
	some registry in base.registries
	registry == "docker.io"
	some name in base.names
	startswith(name, "debian:12")
}

# distroless/static@sha256:aaaa
trusted_base if {
	some base in input.image.base_images.items
	not base.claimed
	some name in base.repositories
	name == "distroless/static"
	base.digest == "sha256:aaaa"
}

# METADATA
# title: Trusted base images
# description: The image is not built on an image that this policy trusts.
# custom:
#   control: trusted_base_images
deny contains finding if {
	input.image.base_images.known
	not trusted_base
	finding := {
		"control": "trusted_base_images",
		"msg": "is not built on a trusted base image",
		"facts": {"allowed_base_images": ["docker.io/debian:12*", "distroless/static@sha256:aaaa"]},
	}
}

skip contains reason if {
	reason := {"control": "force_microenforcer", "msg": "Sallyport knows no micro-enforcer"}
}

# METADATA
# title: Partial results
# description: A control could not be decided for want of facts.
# custom:
#   control: partial_results
deny contains finding if {
	names := {reason.control | some reason in skip; object.get(reason, "missing", false)}
	count(names) > 0
	finding := {
		"control": "partial_results",
		"msg": sprintf("not enough is known for %s", [listed(names)]),
		"facts": {"undecided_controls": sort(names)},
	}
}

# Nobody has looked for malware: what needs to know is skipped, not passed.
skip contains reason if {
	not input.malware.known
	some control in {"malware"}
	why := object.get(input, ["malware", "reason"], "nobody has looked for malware in this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Nobody has looked for secrets: what needs to know is skipped, not passed.
skip contains reason if {
	not input.secrets.known
	some control in {"sensitive_data"}
	why := object.get(input, ["secrets", "reason"], "nobody has looked for secrets in this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Nobody has looked for vulnerabilities: what needs to know is skipped, not passed.
skip contains reason if {
	not input.vulnerabilities.known
	some control in {"max_severity", "max_score", "aggregated_vulnerability", "cve_blacklist", "exploitability"}
	why := object.get(input, ["vulnerabilities", "reason"], "nobody has looked for vulnerabilities in this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Nobody has listed the packages: what needs to know is skipped, not passed.
skip contains reason if {
	not input.packages.known
	some control in {"blacklisted_packages", "required_packages", "license", "whitelisted_licenses"}
	why := object.get(input, ["packages", "reason"], "nobody has listed the packages of this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Nobody has looked up the user: what needs to know is skipped, not passed.
skip contains reason if {
	not input.image.account.known
	some control in {"root_user"}
	why := object.get(input, ["image", "account", "reason"], "nobody has looked up the user of this image")
	reason := {"control": control, "msg": why, "missing": true}
}

# Nobody knows the base image: what needs to know is skipped, not passed.
skip contains reason if {
	not input.image.base_images.known
	some control in {"trusted_base_images"}
	why := object.get(input, ["image", "base_images", "reason"], "nobody knows what this image is built on")
	reason := {"control": control, "msg": why, "missing": true}
}

# Vulnerabilities that count for this policy.
counted := [v |
	some v in input.vulnerabilities.items
	not v.id in {"CVE-2014-0160", "CVE-2020-0001"}
	not v.from_base_image
	not recent(v, "published", 604800000000000)
	not recent(v, "fix_published", 1209600000000000)
	not ignored_path(v.path)
]

# What nobody knows the date of is not recent.
recent(v, date, period) if {
	time.parse_rfc3339_ns(input.now) - time.parse_rfc3339_ns(v[date]) < period
}

# Findings in these places do not count.
ignored_path(path) if path == "/usr/share/doc"

ignored_path(path) if startswith(path, "/usr/share/doc/")

ignored_path(path) if contains(path, "/testdata/")

# Five names, and how many more there are.
listed(names) := concat(", ", sort(names)) if count(names) <= 5

listed(names) := sprintf("%s and %d more", [concat(", ", array.slice(sort(names), 0, 5)), count(names) - 5]) if count(names) > 5
