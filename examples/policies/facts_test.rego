# Facts for tests: an ordinary image, and ways to change it.
package facts

nginx := {
	"now": "2026-11-01T12:00:00Z",
	"image": {
		"registry": "docker.io",
		"registries": ["docker.io"],
		"repository": "library/nginx",
		"repositories": ["library/nginx", "nginx"],
		"tags": ["1.27"],
		"names": ["library/nginx:1.27", "nginx:1.27"],
		"digest": "sha256:0000000000000000000000000000000000000000000000000000000000000001",
		"os": "linux",
		"architecture": "amd64",
		"user": "",
		"runs_as_root": true,
		"labels": {"maintainer": "somebody"},
		"aqua_labels": [],
		"env": ["PATH"],
		"ports": ["80/tcp"],
		"history": [{"created": "2026-10-01T00:00:00Z", "created_by": "ADD rootfs.tar /"}],
		"setuid": {"known": true, "items": []},
		"base_images": {"known": true, "items": []},
	},
	"context": {"kind": "pull"},
	"dta": {"status": "done", "verdict": "clean", "malicious": false, "severity": "", "time": "2026-10-31T12:00:00Z", "findings": []},
	"packages": {"known": true, "items": []},
	"vulnerabilities": {"known": true, "items": [], "by_id": {}},
	"malware": {"known": true, "items": []},
	"secrets": {"known": true, "items": []},
	"summary": {"malware": 0, "packages": 0, "secrets": 0, "vulnerabilities": {"all": none, "fixable": none}},
}

none := {"count": 0, "by_severity": {}, "max_severity": "", "max_severity_in": "", "max_score": 0, "max_score_in": ""}

# image is nginx with other values of some fields below input.image.
image(fields) := object.union(nginx, {"image": fields})

# packages is nginx with these packages.
packages(items) := object.union(nginx, {"packages": {"known": true, "items": items}, "summary": {"packages": count(items)}})

# vulnerable is nginx with one vulnerability. Without fix_version it has no fix.
vulnerable(fields) := object.union(nginx, {
	"vulnerabilities": {
		"known": true,
		"items": [v],
		"by_id": {v.id: {"severity": v.severity, "score": v.score, "fixable": fixable, "packages": [v.package]}},
	},
	"summary": {"vulnerabilities": {"all": worst([v]), "fixable": worst([w | some w in [v]; w.fix_version])}},
}) if {
	v := object.union({"id": "CVE-2026-0001", "package": "openssl", "path": "", "severity": "low", "score": 1, "exploits": []}, fields)
	fixable := "fix_version" in object.keys(v)
}

worst(all) := none if count(all) == 0

worst(all) := summed if {
	v := all[0]
	summed := {
		"count": 1,
		"by_severity": {v.severity: 1},
		"max_severity": v.severity,
		"max_severity_in": v.id,
		"max_score": v.score,
		"max_score_in": v.id,
	}
}
