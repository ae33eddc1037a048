package responder

import (
	"net/http"
	"strings"
)

// page answers what nobody else does, in the form that was asked for.
type page struct{}

// ownAddress is what the guest believes to be its address on the internet: one
// for documentation (RFC 5737).
const ownAddress = "203.0.113.45"

// addressServices tell a client its address.
var addressServices = []string{"ifconfig.me", "icanhazip.com", "api.ipify.org", "checkip.amazonaws.com", "ipinfo.io", "ident.me", "ifconfig.co", "ip.sb"}

func (page) answer(r *request) *answer {
	accept := r.Header.Get("Accept")
	switch {
	case below(r.host, addressServices):
		if r.host == "ipinfo.io" && !strings.HasPrefix(r.URL.Path, "/ip") {
			return jsonText(http.StatusOK, `{"ip":"`+ownAddress+`","country":"US"}`)
		}
		return text(http.StatusOK, ownAddress+"\n")
	case isArchive(r.URL.Path):
		return notFound()
	case strings.Contains(accept, "json") || strings.HasPrefix(r.URL.Path, "/api"),
		strings.Contains(r.Header.Get("Content-Type"), "json"):
		return jsonText(http.StatusOK, `{"status":"ok"}`)
	}
	return &answer{status: http.StatusOK, kind: "text/html; charset=utf-8",
		body: []byte("<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>\n")}
}

// isArchive tells whether a path names a container of files. None is served:
// an archive that is none breaks its reader in ways that no server does.
func isArchive(path string) bool {
	for _, end := range []string{".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".deb", ".rpm", ".apk", ".whl", ".jar", ".7z"} {
		if strings.HasSuffix(strings.ToLower(path), end) {
			return true
		}
	}
	return false
}

// closedShop is the places where honest programs get packages and look things
// up. They have nothing to offer here and say so cleanly, which an installer
// handles better than a page that is not what it wanted.
type closedShop struct{}

var packageMirrors = []string{
	"debian.org", "ubuntu.com", "alpinelinux.org", "centos.org", "rockylinux.org", "almalinux.org", "fedoraproject.org", "redhat.com",
	"npmjs.org", "yarnpkg.com", "pypi.org", "pythonhosted.org", "rubygems.org", "crates.io", "proxy.golang.org", "sum.golang.org", "packagist.org", "maven.org",
	"api.github.com", "docker.io", "docker.com", "ghcr.io", "quay.io", "gcr.io", "registry.k8s.io",
	"sentry.io", "segment.io", "datadoghq.com", "newrelic.com",
}

func (closedShop) answer(r *request) *answer {
	if !below(r.host, packageMirrors) {
		return nil
	}
	if strings.Contains(r.Header.Get("Accept"), "json") || strings.HasPrefix(r.host, "api.") {
		return jsonText(http.StatusNotFound, `{"message":"Not Found"}`)
	}
	return notFound()
}

// below tells whether host is one of domains or in one of them.
func below(host string, domains []string) bool {
	for _, d := range domains {
		if host == d || strings.HasSuffix(host, "."+d) {
			return true
		}
	}
	return false
}
