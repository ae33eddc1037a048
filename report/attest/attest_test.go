package attest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/opencontainers/go-digest"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"

	"github.com/sallyport-dev/sallyport/internal/registrytest"
	"github.com/sallyport-dev/sallyport/internal/reporttest"
	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/report/attest"
	"github.com/sallyport-dev/sallyport/report/export"
)

const secret = "correct horse"

func password(text string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(text), nil }
}

// newKey makes a key as `cosign generate-key-pair` does: both its files.
func newKey(t testing.TB) (private, public []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := encrypted.Encrypt(der, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	open, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: sealed}), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: open})
}

func statement(t testing.TB, d string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := export.Statement(&b, reporttest.Report(digest.Digest(d), report.Malicious)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// verify checks a bundle as its reader would, with nothing but OpenSSL and the
// text of the specification of DSSE, and returns what was signed.
func verify(t *testing.T, raw, public []byte) (payload []byte, err error) {
	t.Helper()
	openssl := testenv.NeedCommand(t, "openssl")
	var b struct {
		MediaType string `json:"mediaType"`
		Envelope  struct {
			Payload, PayloadType string
			Signatures           []struct{ Sig string }
		} `json:"dsseEnvelope"`
		Material struct {
			Key struct{ Hint string } `json:"publicKey"`
		} `json:"verificationMaterial"`
	}
	if err := json.Unmarshal(raw, &b); err != nil {
		t.Fatal(err)
	}
	if b.MediaType != "application/vnd.dev.sigstore.bundle.v0.3+json" || b.Envelope.PayloadType != "application/vnd.in-toto+json" || len(b.Envelope.Signatures) != 1 || b.Material.Key.Hint == "" {
		t.Fatalf("the bundle is %s", raw)
	}
	payload, err = base64.StdEncoding.DecodeString(b.Envelope.Payload)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := base64.StdEncoding.DecodeString(b.Envelope.Signatures[0].Sig)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for file, content := range map[string][]byte{
		"pub": public, "sig": signature,
		"pae": fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(b.Envelope.PayloadType), b.Envelope.PayloadType, len(payload), payload),
	} {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), openssl, "dgst", "-sha256", "-verify", "pub", "-signature", "sig", "pae")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return payload, fmt.Errorf("%w: %s", err, out)
	}
	return payload, nil
}

func TestOpenSSLVerifiesWhatIsSigned(t *testing.T) {
	private, public := newKey(t)
	key, err := attest.ParseKey(private, password(secret))
	if err != nil {
		t.Fatal(err)
	}
	said := statement(t, "sha256:"+strings.Repeat("a", 64))
	bundle, err := attest.Sign(key, said)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(bundle)
	if err != nil {
		t.Fatal(err)
	}
	if payload, err := verify(t, raw, public); err != nil || !bytes.Equal(payload, said) {
		t.Errorf("%v; signed is %s", err, payload)
	}
	// The check itself finds what is not signed.
	other := bundle
	other.Envelope.Payload = base64.StdEncoding.EncodeToString(bytes.Replace(said, []byte("malicious"), []byte("clean"), 1))
	if raw, err = json.Marshal(other); err != nil {
		t.Fatal(err)
	}
	if _, err := verify(t, raw, public); err == nil {
		t.Error("a changed statement verifies")
	}
	for _, text := range []string{"", "{}", `{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x"}`} {
		if _, err := attest.Sign(key, []byte(text)); err == nil {
			t.Errorf("%q was signed", text)
		}
	}
}

func TestKeys(t *testing.T) {
	private, public := newKey(t)
	block, _ := pem.Decode(private)
	old := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED COSIGN PRIVATE KEY", Bytes: block.Bytes})
	der, err := encrypted.Decrypt(block.Bytes, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := x509.MarshalPKCS8PrivateKey(edwards)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		text []byte
		want string // in the error; empty: it is read
	}{
		"of cosign":       {private, ""},
		"of cosign 1":     {old, ""},
		"not encrypted":   {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), ""},
		"no key":          {[]byte("text"), "no PEM block"},
		"the public one":  {public, "private key is wanted"},
		"of another kind": {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: other}), "P-256"},
		"damaged":         {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der[:20]}), "cannot be read"},
		"sealed nonsense": {pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: []byte("{}")}), "password"},
	} {
		_, err := attest.ParseKey(test.text, password(secret))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := attest.ParseKey(private, password("wrong")); !errors.Is(err, attest.ErrPassword) {
		t.Errorf("with a wrong password: %v", err)
	}
	if _, err := attest.ParseKey(private, func() ([]byte, error) { return nil, io.ErrUnexpectedEOF }); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a password that cannot be read: %v", err)
	}
	if _, err := attest.LoadKey(t.TempDir(), password("")); err == nil {
		t.Error("a folder is a key")
	}
	if _, err := attest.LoadKey(filepath.Join(t.TempDir(), "none"), password("")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestAttached: what is attached is found as the specification of OCI says, in
// registries with and without the referrers API, and verifies.
func TestAttached(t *testing.T) {
	for kind, handler := range map[string]http.Handler{
		"with the referrers API":    &registrytest.Registry{},
		"without the referrers API": ggcr.New(),
	} {
		t.Run(kind, func(t *testing.T) {
			subject := pushed(t, handler)
			private, public := newKey(t)
			key, err := attest.ParseKey(private, password(secret))
			if err != nil {
				t.Fatal(err)
			}
			bundle, err := attest.Sign(key, statement(t, subject.DigestStr()))
			if err != nil {
				t.Fatal(err)
			}
			said := attest.Attachment{Bundle: bundle, Key: key, Now: time.Unix(1e9, 0)}
			at, err := attest.Attach(t.Context(), subject, said)
			if err != nil {
				t.Fatal(err)
			}
			list, err := remote.Referrers(subject)
			if err != nil {
				t.Fatal(err)
			}
			m, err := list.IndexManifest()
			if err != nil || len(m.Manifests) != 1 {
				t.Fatalf("attached: %+v, %v", m, err)
			}
			if one := m.Manifests[0]; one.Digest.String() != at.DigestStr() || one.ArtifactType != attest.BundleType ||
				one.Annotations["dev.sigstore.bundle.predicateType"] != export.PredicateType || one.Annotations["dev.sigstore.bundle.content"] != "dsse-envelope" {
				t.Errorf("listed as %+v", one)
			}
			raw := layerOf(t, at)
			if payload, err := verify(t, raw, public); err != nil || !strings.Contains(string(payload), strings.TrimPrefix(subject.DigestStr(), "sha256:")) {
				t.Errorf("%v; signed is %s", err, payload)
			}
			if _, err := attest.Attach(t.Context(), subject.Context().Digest("sha256:"+strings.Repeat("b", 64)), said); err == nil {
				t.Error("attached to an image that is not there")
			}
		})
	}
}

// layerOf is the only layer of the artifact.
func layerOf(t *testing.T, at name.Digest) []byte {
	t.Helper()
	got, err := remote.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	m, err := v1.ParseManifest(bytes.NewReader(got.Manifest))
	if err != nil || len(m.Layers) != 1 || m.Subject == nil || m.Config.MediaType != "application/vnd.oci.empty.v1+json" {
		t.Fatalf("the manifest is %s, %v", got.Manifest, err)
	}
	l, err := remote.Layer(at.Context().Digest(m.Layers[0].Digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
