package attest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/opencontainers/go-digest"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/sallyport-dev/sallyport/internal/registrytest"
	"github.com/sallyport-dev/sallyport/internal/reporttest"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/report/attest"
	"github.com/sallyport-dev/sallyport/report/export"
)

// keeping is a registry that deletes nothing.
type keeping struct{ http.Handler }

func (k keeping) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodDelete {
		http.Error(w, `{"errors":[{"code":"UNSUPPORTED"}]}`, http.StatusMethodNotAllowed)
		return
	}
	k.Handler.ServeHTTP(w, r)
}

// pushed is the digest of an image in a registry of its own.
func pushed(t *testing.T, registry http.Handler) name.Digest {
	t.Helper()
	server := httptest.NewServer(registry)
	t.Cleanup(server.Close)
	repository, err := name.NewRepository(strings.TrimPrefix(server.URL, "http://") + "/team/app")
	if err != nil {
		t.Fatal(err)
	}
	img, err := random.Image(100, 1)
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
	return repository.Digest(d.String())
}

// key is a new one, that no password protects: making one from a password takes long.
func key(t *testing.T) *attest.Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	k, err := attest.ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// says is the statement that the image is what c says, signed.
func says(t *testing.T, k *attest.Key, subject name.Digest, c report.Conclusion, at int64) attest.Attachment {
	t.Helper()
	var text bytes.Buffer
	if err := export.IssuedStatement(&text, reporttest.Report(digest.Digest(subject.DigestStr()), c), time.Unix(at, 0)); err != nil {
		t.Fatal(err)
	}
	b, err := attest.Sign(k, text.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return attest.Attachment{Bundle: b, Key: k, Now: time.Unix(at, 0)}
}

// told reads what an envelope says: the verdict, and when it was said.
func told(t *testing.T, e dsse.Envelope) string {
	t.Helper()
	text, err := e.DecodeB64Payload()
	if err != nil {
		t.Fatal(err)
	}
	var s struct{ Predicate export.Predicate }
	if err := json.Unmarshal(text, &s); err != nil || s.Predicate.Issued == nil {
		t.Fatalf("%v in %s", err, text)
	}
	return string(s.Predicate.Verdict) + s.Predicate.Issued.Format(" 15:04:05")
}

// beside lists what is said about the image by its referrers.
func beside(t *testing.T, subject name.Digest) []string {
	t.Helper()
	index, err := remote.Referrers(subject)
	if err != nil {
		t.Fatal(err)
	}
	m, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, d := range m.Manifests {
		var b attest.Bundle
		if err := json.Unmarshal(layerOf(t, subject.Context().Digest(d.Digest.String())), &b); err != nil {
			t.Fatal(err)
		}
		list = append(list, told(t, b.Envelope))
	}
	slices.Sort(list)
	return list
}

// under lists what is said under the tag of cosign.
func under(t *testing.T, subject name.Digest) []string {
	t.Helper()
	img, err := remote.Image(attest.Tag(subject))
	if err != nil {
		return nil
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, d := range m.Layers {
		if d.MediaType != "application/vnd.dsse.envelope.v1+json" || d.Annotations["predicateType"] != export.PredicateType {
			t.Errorf("a layer of the tag is %+v", d)
		}
		list = append(list, told(t, envelope(t, img, d.Digest)))
	}
	slices.Sort(list)
	return list
}

func envelope(t *testing.T, img v1.Image, h v1.Hash) (e dsse.Envelope) {
	t.Helper()
	l, err := img.LayerByDigest(h)
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
	if err := json.Unmarshal(b, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func attached(t *testing.T, subject name.Digest, a attest.Attachment) {
	t.Helper()
	if _, err := attest.Attach(t.Context(), subject, a); err != nil {
		t.Fatal(err)
	}
}

// TestALaterStatementTakesTheEarliersPlace, in registries of all kinds, and
// what others said stays.
func TestALaterStatementTakesTheEarliersPlace(t *testing.T) {
	for kind, registry := range map[string]http.Handler{
		"with the referrers API":                 &registrytest.Registry{},
		"without the referrers API":              ggcr.New(),
		"without it, and nothing can be deleted": keeping{ggcr.New()},
	} {
		t.Run(kind, func(t *testing.T) {
			subject, ours, theirs := pushed(t, registry), key(t), key(t)
			for _, tag := range []bool{true, false} { // what is under the tag is replaced although it is not asked for any more
				other := says(t, theirs, subject, report.Suspicious, 0)
				other.Tag = tag
				attached(t, subject, other)
				first := says(t, ours, subject, report.Clean, 1)
				first.Tag = tag
				attached(t, subject, first)
				attached(t, subject, says(t, ours, subject, report.Malicious, 2))
				want := []string{"malicious 00:00:02", "suspicious 00:00:00"}
				if got := beside(t, subject); !slices.Equal(got, want) {
					t.Errorf("beside the image: %q, want %q", got, want)
				}
				if got := under(t, subject); !slices.Equal(got, want) {
					t.Errorf("under the tag: %q, want %q", got, want)
				}
			}
		})
	}
}

// TestNoTagUnasked: the tag is made only for who wants it.
func TestNoTagUnasked(t *testing.T) {
	subject := pushed(t, &registrytest.Registry{})
	attached(t, subject, says(t, key(t), subject, report.Clean, 1))
	if got := under(t, subject); got != nil {
		t.Errorf("under the tag: %q", got)
	}
}

// TestWhatStaysIsSaid: a registry that lists for ever what it once got.
func TestWhatStaysIsSaid(t *testing.T) {
	subject, k := pushed(t, keeping{&registrytest.Registry{}}), key(t)
	attached(t, subject, says(t, k, subject, report.Clean, 1))
	at, err := attest.Attach(t.Context(), subject, says(t, k, subject, report.Malicious, 2))
	if !errors.Is(err, attest.ErrStays) || at.DigestStr() == "" {
		t.Errorf("attached %s, %v", at, err)
	}
	if got := beside(t, subject); !slices.Equal(got, []string{"clean 00:00:01", "malicious 00:00:02"}) {
		t.Errorf("beside the image: %q", got)
	}
}
