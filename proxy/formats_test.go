package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/store"
)

// things is an upstream that holds what it is told to, whatever the format.
type things map[string]struct{ mediaType, body string }

func (h things) serve(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	_, which, _ := strings.Cut(r.URL.Path, "/team/app/")
	t, ok := h[which]
	if !ok {
		return false
	}
	w.Header().Set("Content-Type", t.mediaType)
	w.Header().Set("Content-Length", fmt.Sprint(len(t.body)))
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(t.body))
	}
	return true
}

func TestFormats(t *testing.T) {
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := newSite(t, d)
		config, layer := "{}", "\x28\xb5\x2f\xfd as if packed by zstd"
		configDigest, layerDigest := digest.SHA512.FromString(config), digest.SHA512.FromString(layer)
		foreign := digest.FromString("windows")
		manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[`+
			`{"mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","digest":%q,"size":%d},`+
			`{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":%q,"size":7,"urls":["http://203.0.113.9/layer"]}]}`,
			store.OCIManifest, configDigest, len(config), layerDigest, len(layer), foreign)
		by512 := digest.SHA512.FromString(manifest)
		old := `{"schemaVersion":1,"name":"team/app","tag":"old","fsLayers":[]}`
		s.origin.Break(things{
			"manifests/" + by512.String():                            {store.OCIManifest, manifest},
			"blobs/" + configDigest.String():                         {"application/octet-stream", config},
			"blobs/" + layerDigest.String():                          {"application/octet-stream", layer},
			"manifests/old":                                          {"application/vnd.docker.distribution.manifest.v1+prettyjws", old},
			"manifests/" + digest.FromString(old).String():           {"application/vnd.docker.distribution.manifest.v1+json", old},
			"manifests/" + digest.SHA512.FromString("else").String(): {store.OCIManifest, manifest},
		}.serve)

		for _, when := range []string{"fetched", "stored"} {
			a := s.ask("GET", path("team/app/manifests/%s", by512))
			if a.status != 200 || string(a.body) != manifest || a.header.Get("Docker-Content-Digest") != by512.String() || a.header.Get("Content-Type") != store.OCIManifest {
				t.Fatalf("%s: a manifest by sha512, with a foreign layer: %d %s", when, a.status, a.body)
			}
			for d, want := range map[digest.Digest]string{configDigest: config, layerDigest: layer} {
				if a := s.ask("GET", path("team/app/blobs/%s", d)); a.status != 200 || string(a.body) != want {
					t.Errorf("%s: a blob by sha512: %d %q", when, a.status, a.body)
				}
			}
		}
		for _, method := range []string{"GET", "HEAD"} {
			a := s.ask(method, path("team/app/blobs/%s", foreign))
			if a.status != 404 || (method == "GET" && (a.code() != "BLOB_UNKNOWN" || !strings.Contains(a.message(), "foreign layer") || strings.Contains(a.message(), "203.0.113"))) {
				t.Errorf("%s of the foreign layer: %d %s", method, a.status, a.body)
			}
		}
		for _, which := range []string{"old", digest.FromString(old).String()} {
			a := s.ask("GET", path("team/app/manifests/%s", which))
			if a.status != 415 || a.code() != "UNSUPPORTED" || !strings.Contains(a.message(), "schema 1") || !strings.Contains(a.message(), "push the image again") {
				t.Errorf("schema 1 by %s: %d %s", which, a.status, a.body)
			}
		}
		if a := s.ask("GET", path("team/app/manifests/%s", digest.SHA512.FromString("else"))); a.status != 502 {
			t.Errorf("other bytes than the sha512 says: %d %s", a.status, a.body)
		}
	})
}

func TestAForeignLayerThatUpstreamHolds(t *testing.T) {
	s := newSite(t, inmemory.New())
	layer := digest.FromString("windows")
	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"digest":%q,"size":2},"layers":[{"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip","digest":%q,"size":7,"urls":["http://203.0.113.9/layer"]}]}`,
		store.OCIManifest, digest.FromString("{}"), layer)
	s.origin.Break(things{"manifests/1.0": {store.OCIManifest, manifest}, "blobs/" + layer.String(): {"application/octet-stream", "windows"}}.serve)
	s.ask("GET", path("team/app/manifests/1.0"))
	for _, method := range []string{"HEAD", "GET", "HEAD"} {
		if a := s.ask(method, path("team/app/blobs/%s", layer)); a.status != 200 || a.header.Get("Content-Length") != "7" {
			t.Errorf("%s: %d %v %s", method, a.status, a.header, a.body)
		}
	}
}

func TestCatalog(t *testing.T) {
	ask := func(s *site, query string, headers ...string) (names []string, a answer) {
		a = s.ask("GET", "/v2/_catalog"+query, headers...)
		var doc struct{ Repositories []string }
		if a.status == 200 {
			if err := json.Unmarshal(a.body, &doc); err != nil || doc.Repositories == nil {
				t.Errorf("%s: %s", query, a.body)
			}
		}
		return doc.Repositories, a
	}
	for _, c := range []struct {
		name      string
		catalog   Catalog
		accounts  bool
		header    string
		status    int
		challenge bool
	}{
		{"by default nobody is known", "", false, "Accept: */*", 403, false},
		{"where there are accounts, without", "", true, "Accept: */*", 401, true},
		{"with one", "", true, basic("ada", "right"), 200, false},
		{"for everyone", CatalogEveryone, false, "Accept: */*", 200, false},
		{"for nobody", CatalogNobody, true, basic("ada", "right"), 403, false},
	} {
		s := newSite(t, inmemory.New(), func(cfg *Config) {
			cfg.Catalog = c.catalog
			if c.accounts {
				cfg.Accounts = accounts(t)
			}
		})
		names, a := ask(s, "", c.header)
		if a.status != c.status || (a.header.Get("WWW-Authenticate") != "") != c.challenge || len(names) != 0 {
			t.Errorf("%s: %d %v %s", c.name, a.status, a.header, a.body)
		}
	}
	drivers(t, func(t *testing.T, d driver.StorageDriver) {
		s := newSite(t, d, func(c *Config) { c.Catalog = CatalogEveryone })
		for _, name := range []string{"b/c", "a", "b/a", "never/pulled"} {
			s.push(name+":1.0", 100)
		}
		for _, name := range []string{"b/c", "a", "b/a"} {
			s.ask("GET", path("%s/manifests/1.0", name))
		}
		at := func(names ...string) string {
			for i := range names {
				names[i] = upstreamName + "/" + names[i]
			}
			return strings.Join(names, " ")
		}
		for _, c := range []struct{ query, names, link string }{
			{"", at("a", "b/a", "b/c"), ""},
			{"?n=2", at("a", "b/a"), `</v2/_catalog?last=registry.test%2Fb%2Fa&n=2>; rel="next"`},
			{"?n=2&last=registry.test%2Fb%2Fa", at("b/c"), ""},
			{"?n=3", at("a", "b/a", "b/c"), ""},
			{"?last=registry.test/b", at("b/a", "b/c"), ""},
			{"?n=0", "", ""},
			{"?last=zzz", "", ""},
		} {
			names, a := ask(s, c.query)
			if strings.Join(names, " ") != c.names || a.header.Get("Link") != c.link {
				t.Errorf("%s: %v, Link %q", c.query, names, a.header.Get("Link"))
			}
		}
		for _, query := range []string{"?n=-1", "?n=x"} {
			if _, a := ask(s, query); a.status != 400 || a.code() != "PAGINATION_NUMBER_INVALID" {
				t.Errorf("%s: %d %s", query, a.status, a.body)
			}
		}
	})
}
