package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/internal/registrytest"
	"github.com/sallyport-dev/sallyport/internal/reporttest"
	"github.com/sallyport-dev/sallyport/proxy"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/report/attest"
	"github.com/sallyport-dev/sallyport/verdict"
)

// keyFile is a key as cosign makes it, with its password in a file.
func keyFile(t *testing.T) config.Attest {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := encrypted.Encrypt(der, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	set := config.Attest{Key: filepath.Join(dir, "cosign.key"), PasswordFile: filepath.Join(dir, "password")}
	for file, b := range map[string][]byte{
		set.Key: pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: sealed}), set.PasswordFile: []byte("secret\n"),
	} {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return set
}

// TestTheGateAttachesStatements where the image comes from, whatever its
// registry is called there, and an image that is not there stops nothing.
func TestTheGateAttachesStatements(t *testing.T) {
	server := httptest.NewServer(&registrytest.Registry{})
	defer server.Close()
	img, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	repository, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/team/app")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(repository.Tag("1"), img); err != nil {
		t.Fatal(err)
	}
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	if none, err := newAttester(cfg, nil, slog.New(slog.DiscardHandler), prometheus.NewRegistry()); none != nil || err != nil {
		t.Errorf("without a key: %v", err)
	}
	cfg.Analysis.Attest = keyFile(t)
	reg := prometheus.NewRegistry()
	attached, err := newAttester(cfg, []proxy.Upstream{{Registry: "upstream.test", Endpoints: []string{server.URL}}}, slog.New(slog.DiscardHandler), reg)
	if err != nil {
		t.Fatal(err)
	}
	v := verdict.Verdict{Digest: digest.Digest(d.String()), Subject: verdict.Subject{Name: "upstream.test/team/app:1"}}
	attached(t.Context(), v, reporttest.JSON(t, v.Digest, report.Malicious))
	attached(t.Context(), v, reporttest.JSON(t, v.Digest, report.Malicious)) // the later one takes its place
	list, err := remote.Referrers(repository.Digest(d.String()))
	if err != nil {
		t.Fatal(err)
	}
	m, err := list.IndexManifest()
	if err != nil || len(m.Manifests) != 1 || m.Manifests[0].ArtifactType != attest.BundleType {
		t.Errorf("attached is %+v, %v", m, err)
	}
	for _, elsewhere := range []string{"", "elsewhere.test/team/app:1", "upstream.test/team/other:1"} {
		v.Subject.Name = elsewhere
		attached(t.Context(), v, reporttest.JSON(t, v.Digest, report.Malicious))
	}
	if err := testutil.GatherAndCompare(reg, strings.NewReader(`
# HELP sallyport_attestations_total Signed statements about images, by what became of them: attached, failed, or stays: attached, and an earlier one could not be taken away.
# TYPE sallyport_attestations_total counter
sallyport_attestations_total{result="attached"} 2
sallyport_attestations_total{result="failed"} 3
`)); err != nil {
		t.Error(err)
	}

	cfg.Analysis.Attest.PasswordFile = ""
	t.Setenv("COSIGN_PASSWORD", "wrong")
	if _, err := newAttester(cfg, nil, slog.New(slog.DiscardHandler), prometheus.NewRegistry()); err == nil || !strings.Contains(err.Error(), "analysis.attest") {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestSignedReportsBelongTogether(t *testing.T) {
	for args, want := range map[string]string{
		"--attach":                   "--sign",
		"--password-file x":          "--sign",
		"--sign /none --format html": "in-toto",
		"--sign /none":               "in-toto",
		"--sign /none --format in-toto --attach-tag": "--attach",
		"--sign /none --format in-toto":              "no such file",
		"--sign /none --attach=a/b --format sarif":   "in-toto",
		"--format in-toto --attach=registry.test/a":  "--sign",
	} {
		c := newReportCommand()
		c.SetArgs(append([]string{"registry.test/app:1"}, strings.Fields(args)...))
		c.SilenceErrors, c.SilenceUsage = true, true
		if err := c.ExecuteContext(context.Background()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}
