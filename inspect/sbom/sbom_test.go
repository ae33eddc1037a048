package sbom_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/inspect/sbom"
)

var about = digest.FromString("image")

func spdx(purl, licence string) string {
	return fmt.Sprintf(`{"spdxVersion":"SPDX-2.3","packages":[{"name":"x","licenseDeclared":%q,"externalRefs":[{"referenceType":"purl","referenceLocator":%q}]}]}`, licence, purl)
}

func envelope(payload string) string {
	return fmt.Sprintf(`{"payloadType":"application/vnd.in-toto+json","payload":%q,"signatures":[]}`, base64.StdEncoding.EncodeToString([]byte(payload)))
}

func TestPackageURLs(t *testing.T) {
	for _, c := range []struct {
		purl string
		want sbom.Package
	}{
		{"pkg:deb/debian/bash@1%3A5.2-2?arch=amd64&upstream=bash-src%405.2", sbom.Package{Format: "deb", Name: "bash", Epoch: "1", Version: "5.2", Release: "2", Arch: "amd64", Source: "bash-src"}},
		{"pkg:apk/alpine/musl@1.2.5-r9?arch=x86_64", sbom.Package{Format: "apk", Name: "musl", Version: "1.2.5", Release: "r9", Arch: "x86_64"}},
		{"pkg:rpm/fedora/openssl-libs@3.2.1-2.fc40?epoch=1&arch=noarch", sbom.Package{Format: "rpm", Name: "openssl-libs", Epoch: "1", Version: "3.2.1", Release: "2.fc40", Arch: "noarch"}},
		{"pkg:npm/%40scope/a@1.0.0", sbom.Package{Format: "npm", Name: "@scope/a", Version: "1.0.0"}},
		{"pkg:maven/org.x/a@1", sbom.Package{Format: "maven", Name: "org.x:a", Version: "1"}},
		{"pkg:golang/github.com/a/b@v1.2.3", sbom.Package{Format: "golang", Name: "github.com/a/b", Version: "v1.2.3"}},
		{"pkg:pypi/a@1", sbom.Package{Format: "pypi", Name: "a", Version: "1"}},
	} {
		got, err := sbom.Read([]byte(spdx(c.purl, "MIT")), about)
		c.want.Licenses = []string{"MIT"}
		if err != nil || len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(c.want) {
			t.Errorf("%s is %+v, %v, want %+v", c.purl, got, err, c.want)
		}
	}
	for _, purl := range []string{"pkg:oci/app@sha256:1", "pkg:docker/app@1", "app", "", "pkg:npm/"} {
		if got, err := sbom.Read([]byte(spdx(purl, "MIT")), about); err != nil || len(got) != 0 {
			t.Errorf("%q is %+v, %v", purl, got, err)
		}
	}
}

func TestRefused(t *testing.T) {
	nested := spdx("pkg:npm/a@1", "MIT")
	for range 5 {
		nested = envelope(nested)
	}
	many := `{"bomFormat":"CycloneDX","components":[` + strings.Repeat(`{"purl":"pkg:npm/a@1"},`, 50_001) + `{}]}`
	other := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],"predicate":%s}`, digest.FromString("other").Encoded(), spdx("pkg:npm/a@1", "MIT"))
	for _, c := range []struct {
		name, doc string
		err       error
		want      string
	}{
		{"empty", "", sbom.ErrInvalid, "unexpected end"},
		{"another document", `{"a":1}`, sbom.ErrInvalid, "neither SPDX nor CycloneDX"},
		{"null", "null", sbom.ErrInvalid, "neither"},
		{"cut off", spdx("pkg:npm/a@1", "MIT")[:50], sbom.ErrInvalid, "unexpected end"},
		{"packages that are none", `{"spdxVersion":"SPDX-2.3","packages":"x"}`, sbom.ErrInvalid, "cannot unmarshal"},
		{"deep", strings.Repeat(`{"components":[`, 20_000), sbom.ErrInvalid, "exceeded max depth"},
		{"envelopes within envelopes", nested, sbom.ErrInvalid, "envelopes within envelopes"},
		{"many packages", many, sbom.ErrInvalid, "more than 50000 packages"},
		{"a long name", spdx("pkg:npm/"+strings.Repeat("a", 2000)+"@1", "MIT"), sbom.ErrInvalid, "more than 1000 bytes"},
		{"another subject", other, sbom.ErrOther, "another subject"},
		{"another subject in an envelope", envelope(other), sbom.ErrOther, "another subject"},
		{"too large", strings.Repeat(" ", sbom.MaxBytes+1), sbom.ErrInvalid, "more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := sbom.Read([]byte(c.doc), about); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.want) || got != nil {
				t.Errorf("%d packages, error %v, want %v: %s", len(got), err, c.err, c.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(spdx("pkg:deb/debian/bash@1%3A5.2-2?arch=amd64", "GPL-2.0-only AND MIT")))
	f.Add([]byte(envelope(`{"_type":"https://in-toto.io/Statement/v1","predicate":{"bomFormat":"CycloneDX","components":[{"purl":"pkg:npm/a@1","licenses":[{"expression":"MIT"}],"components":[{}]}]}}`)))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := sbom.Read(b, about)
		if err != nil && !errors.Is(err, sbom.ErrInvalid) && !errors.Is(err, sbom.ErrOther) {
			t.Errorf("error %v", err)
		}
		for _, p := range got {
			if p.Name == "" || len(p.Licenses) == 0 || !slices.IsSorted(p.Licenses) {
				t.Errorf("%+v", p)
			}
		}
	})
}
