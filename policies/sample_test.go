package policies

import (
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/report"
)

// sampleInput is an image of which much is known: the example of the schema,
// and the input.json that editors show beside rules.
func sampleInput() *Input {
	when := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	looked := Origin{Known: true, Source: "example 1.0", Time: when}
	return &Input{
		Now: when,
		Image: Image{
			Registry: "docker.io", Repository: "library/nginx", Tags: []string{"1.27", "DTA"}, Digest: "sha256:" + strings.Repeat("a", 64),
			OS: "linux", Architecture: "amd64", Size: 72_000_000, Created: when.AddDate(0, -2, 0), Author: "NGINX Docker Maintainers",
			User: "nginx", UID: "101", GID: "101", Account: looked, Labels: map[string]string{"org.opencontainers.image.source": "https://github.com/nginx/docker-nginx"},
			AquaLabels: []string{"DTA"}, Env: []string{"PATH", "NGINX_VERSION"}, Entrypoint: []string{"/docker-entrypoint.sh"}, Cmd: []string{"nginx", "-g", "daemon off;"},
			WorkingDir: "/", Ports: []string{"80/tcp"}, Volumes: []string{}, Layers: []string{"sha256:" + strings.Repeat("b", 64)},
			History:    []Step{{Created: when.AddDate(0, -2, 0), CreatedBy: "RUN /bin/sh -c apt-get install nginx"}},
			OSRelease:  OSRelease{looked, "debian", "12", "Debian GNU/Linux"},
			Setuid:     Files{looked, []string{"/usr/bin/passwd"}},
			Capable:    Files{looked, []string{"/usr/bin/ping"}},
			BaseImages: BaseImages{looked, []BaseImage{{Registry: "docker.io", Repository: "library/debian", Tag: "12-slim"}}},
		},
		DTA: DTA{Status: "done", Verdict: report.Suspicious, Severity: report.High, Time: when, Findings: []DTAFinding{{
			Slug: "direct-ip-egress", Name: "Connection to a bare address", Category: report.Communication, Severity: report.High, Message: "nginx connected to 192.0.2.7:443",
		}}},
		Context: Context{Kind: "admission", Cluster: "east", Namespace: "shop", Labels: map[string]string{"app": "web"}},
		Packages: Packages{looked, []Package{
			{Format: "deb", Name: "openssl", Version: "3.0.11", Release: "1~deb12u2", Arch: "amd64", Licenses: []string{"Apache-2.0"}, Source: "openssl", Path: "/var/lib/dpkg/status", FoundBy: "image"},
		}},
		Vulnerabilities: Vulnerabilities{looked, []Vulnerability{{
			ID: "CVE-2024-0727", Severity: "medium", Score: 5.5, Package: "openssl", Version: "3.0.11-1~deb12u2", FixVersion: "3.0.13-1~deb12u1", Published: when.AddDate(-2, 0, 0), Exploits: []string{},
		}}},
		Malware: Malware{looked, []MalwareFile{}},
		Secrets: Secrets{looked, []Secret{{Path: "/etc/nginx/tls.key", Type: "private key"}}},
	}
}
