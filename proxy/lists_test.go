package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/upstream"
	"github.com/sallyport-dev/sallyport/verdict"
)

const (
	signatureType = "application/vnd.dev.cosign.artifact.sig.v1+json"
	sbomType      = "application/spdx+json"
)

// referrersAre has the origin list these referrers of everything, two to a
// page, as its API does, or as the tag for those without.
func referrersAre(list []upstream.Referrer, api bool) func(http.ResponseWriter, *http.Request, http.Handler) bool {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		page := list
		switch {
		case api && strings.Contains(r.URL.Path, "/referrers/"):
			from := 0
			_, _ = fmt.Sscanf(r.URL.Query().Get("at"), "%d", &from)
			page = list[from:]
			if len(page) > 2 {
				page = page[:2]
				w.Header().Set("Link", fmt.Sprintf(`<%s?at=%d>; rel="next"`, r.URL.Path, from+2))
			}
		case strings.Contains(r.URL.Path, "/referrers/"):
			w.WriteHeader(http.StatusNotFound)
			return true
		case strings.Contains(r.URL.Path, "/manifests/sha256-"):
		default:
			return false
		}
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		_ = json.NewEncoder(w).Encode(map[string]any{"schemaVersion": 2, "manifests": page})
		return true
	}
}

func descriptor(text, artifactType string) upstream.Referrer {
	return upstream.Referrer{MediaType: "application/vnd.oci.image.manifest.v1+json", Digest: digest.FromString(text), Size: 7, ArtifactType: artifactType, Annotations: map[string]string{"k": text}}
}

// listed are the artifact types in an answer.
func listed(t *testing.T, a answer) string {
	t.Helper()
	var doc struct {
		MediaType string              `json:"mediaType"`
		Manifests []upstream.Referrer `json:"manifests"`
	}
	if err := json.Unmarshal(a.body, &doc); a.status != 200 || err != nil || doc.Manifests == nil || doc.MediaType != a.header.Get("Content-Type") {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var types []string
	for _, d := range doc.Manifests {
		types = append(types, d.ArtifactType[strings.LastIndexByte(d.ArtifactType, '/')+1:]+"="+d.Annotations["k"])
	}
	return strings.Join(types, " ")
}

func TestUpstreamsReferrers(t *testing.T) {
	list := []upstream.Referrer{descriptor("a", signatureType), descriptor("b", sbomType), descriptor("c", signatureType), descriptor("a", signatureType), {MediaType: "x", Digest: "sha256:bad"}}
	for name, api := range map[string]bool{"by the API": true, "by the tag": false} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := newSite(t, inmemory.New(), c.set)
			p := s.push("team/app:1.0", 100)
			report := []byte(`{"schemaVersion":2,"annotations":{"k":"own"}}`)
			s.artifacts[p.manifest] = []verdict.Artifact{{MediaType: "m", ArtifactType: "application/report", Digest: digest.FromBytes(report), Manifest: report}}
			s.origin.Break(referrersAre(list, api))
			where := path("team/app/referrers/%s", p.manifest)
			all := "report=own vnd.dev.cosign.artifact.sig.v1+json=a spdx+json=b vnd.dev.cosign.artifact.sig.v1+json=c"
			if got := listed(t, s.ask("GET", where)); got != all {
				t.Errorf("got %s", got)
			}
			a := s.ask("GET", where+"?artifactType="+sbomType)
			if got := listed(t, a); got != "spdx+json=b" {
				// The plus sign of a media type is a space in a query unless it is escaped.
				a = s.ask("GET", where+"?artifactType="+strings.ReplaceAll(sbomType, "+", "%2B"))
				if got = listed(t, a); got != "spdx+json=b" {
					t.Errorf("filtered: %s", got)
				}
			}
			if a.header.Get("OCI-Filters-Applied") != "artifactType" {
				t.Errorf("filtered: %v", a.header)
			}
			// Of what upstream does not have, its referrers may be there all the same.
			if got := listed(t, s.ask("GET", path("team/app/referrers/%s", digest.FromString("missing")))); !strings.Contains(got, "spdx+json=b") {
				t.Errorf("of a missing subject: %s", got)
			}
			s.origin.Forget()
			s.ask("GET", where)
			if n := s.origin.Asked("GET", ""); n != 0 {
				t.Errorf("asked %d times for a list that is fresh", n)
			}
			// Upstream is away, for this process and for one that starts then.
			s.origin.Break(status(http.StatusServiceUnavailable))
			for range 2 {
				c.turn(2 * time.Minute)
				a := s.ask("GET", where)
				if got := listed(t, a); got != all || !strings.Contains(a.header.Get("Warning"), "what it listed before") {
					t.Errorf("away: %s %v", got, a.header)
				}
				s.close()
				s.open()
			}
			// What was never asked for: our own is there, and says that it is not all.
			other := path("team/app/referrers/%s", digest.FromString("other"))
			if a := s.ask("GET", other); a.status != 502 {
				t.Errorf("never asked for: %d %s", a.status, a.body)
			}
			s.origin.Break(referrersAre(nil, api))
			c.turn(2 * time.Minute)
			if got := listed(t, s.ask("GET", where)); got != "report=own" {
				t.Errorf("upstream has none any more: %s", got)
			}
		})
	}
}

func TestOwnReportsWhileUpstreamIsAway(t *testing.T) {
	s := newSite(t, inmemory.New())
	p := s.push("team/app:1.0", 100)
	s.ask("GET", path("team/app/manifests/1.0"))
	report := []byte(`{"annotations":{"k":"own"}}`)
	s.artifacts[p.manifest] = []verdict.Artifact{{MediaType: "m", ArtifactType: "application/report", Digest: digest.FromBytes(report), Manifest: report}}
	s.origin.Break(status(http.StatusServiceUnavailable))
	a := s.ask("GET", path("team/app/referrers/%s", p.manifest))
	if got := listed(t, a); got != "report=own" || !strings.Contains(a.header.Get("Warning"), "only this gate's own reports") {
		t.Errorf("%s %v", got, a.header)
	}
}

func TestReferrersFaults(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		status int
		next   bool
	}{
		"not JSON":         {"{", 502, false},
		"larger than 4 MB": {`{"manifests":[]` + strings.Repeat(" ", upstream.MaxManifest) + "}", 502, false},
		"an endless chain": {`{"manifests":[]}`, 502, true},
		"not an index":     {"", 200, false},
	} {
		s := newSite(t, inmemory.New())
		p := s.push("team/app:1.0", 100)
		s.origin.Break(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
			if !strings.Contains(r.URL.Path, "/referrers/") {
				return false
			}
			if c.body != "" {
				w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
			}
			if c.next {
				w.Header().Set("Link", `<?n=1>; rel="next"`)
			}
			_, _ = w.Write([]byte(c.body))
			return true
		})
		if a := s.ask("GET", path("team/app/referrers/%s", p.manifest)); a.status != c.status {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if n := s.origin.Asked("GET", "/referrers/"); n > 101 {
			t.Errorf("%s: %d pages", name, n)
		}
	}
}

func TestReferrersPages(t *testing.T) {
	var list []upstream.Referrer
	for i := range 5000 {
		d := descriptor(fmt.Sprint(i), sbomType)
		d.Annotations["long"] = strings.Repeat("x", 2000)
		list = append(list, d)
	}
	var got []upstream.Referrer
	last, pages := "", 0
	for {
		page, more, err := referrersPage(list, last)
		if err != nil || len(page) == 0 {
			t.Fatal(err)
		}
		if raw, _ := json.Marshal(page); len(raw) > maxReferrersPage {
			t.Errorf("a page of %d bytes", len(raw))
		}
		got, pages = append(got, page...), pages+1
		if !more {
			break
		}
		last = page[len(page)-1].Digest.String()
	}
	if len(got) != len(list) || pages < 3 || got[4999].Digest != list[4999].Digest {
		t.Errorf("%d in %d pages", len(got), pages)
	}
}

func TestTagsWhileUpstreamIsAway(t *testing.T) {
	s := newSite(t, inmemory.New())
	for _, tag := range []string{"1.0", "1.1", "2.0", "never-pulled"} {
		s.push("team/app:"+tag, 100)
	}
	for _, tag := range []string{"2.0", "1.0", "1.1"} {
		s.ask("GET", path("team/app/manifests/%s", tag))
	}
	s.origin.Break(status(http.StatusServiceUnavailable))
	for query, want := range map[string]string{
		"": "[1.0 1.1 2.0]", "?n=2": "[1.0 1.1]", "?n=2&last=1.1": "[2.0]", "?last=1.05": "[1.1 2.0]", "?last=9": "[]",
	} {
		a := s.ask("GET", path("team/app/tags/list%s", query))
		var list struct {
			Tags []string `json:"tags"`
		}
		if err := json.Unmarshal(a.body, &list); err != nil || fmt.Sprint(list.Tags) != want || !strings.Contains(a.header.Get("Warning"), "only the tags that were pulled") {
			t.Errorf("%s: %d %v %s", query, a.status, a.header, a.body)
		}
	}
	if a := s.ask("GET", path("team/never/tags/list")); a.status != 502 {
		t.Errorf("nothing of it was pulled: %d", a.status)
	}
}
