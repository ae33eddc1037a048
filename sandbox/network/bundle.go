package network

import (
	"bytes"
	"slices"
)

// BundlePath is where the guest must find the result of Bundle, whatever the
// image has there.
const BundlePath = "/etc/ssl/certs/ca-certificates.crt"

// BundlePaths are the places where distributions keep their bundle. Each one
// that the image has should be replaced by its Bundle.
func BundlePaths() []string {
	return []string{
		BundlePath,                         // Debian, Alpine
		"/etc/pki/tls/certs/ca-bundle.crt", // Red Hat
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
		"/etc/ssl/ca-bundle.pem", // SUSE
		"/etc/ssl/cert.pem",      // Alpine, LibreSSL
		"/var/lib/ca-certificates/ca-bundle.pem",
	}
}

// CA is the certificate, PEM, of the authority that signs for every name.
func (w *World) CA() []byte { return slices.Clone(w.authority.pem) }

// Bundle appends CA to a certificate bundle of the image, which may be nil.
func (w *World) Bundle(existing []byte) []byte {
	bundle := slices.Clone(existing)
	if len(bundle) > 0 && !bytes.HasSuffix(bundle, []byte("\n")) {
		bundle = append(bundle, '\n')
	}
	return append(bundle, w.authority.pem...)
}

// Environment names the bundle at BundlePath in the variables by which the
// usual programs find one. Elements are KEY=VALUE; the image's own take precedence.
func (w *World) Environment() []string {
	var env []string
	for _, name := range []string{
		"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS",
	} {
		env = append(env, name+"="+BundlePath)
	}
	return env
}
