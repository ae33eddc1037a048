package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/verdict"
)

func TestDenied(t *testing.T) {
	s := newSite(t, disk(t))
	p := s.push("team/bad:1.0", 5000)
	if _, err := s.pull("team/bad:1.0"); err != nil {
		t.Fatal(err) // allowed once, so that everything is cached
	}
	s.gate.say(p.manifest, gate.Decision{
		Action: gate.Deny, ID: "d-1", Message: "denied\nby policy", Policy: "DTA", Control: "dta",
		Finding: &verdict.Finding{Slug: "reverse-shell"}, Warnings: []string{"one"},
		Judged: []gate.Judged{{Result: policies.Result{Checks: []policies.Check{
			{PolicyName: "DTA", Control: "dta", Failed: true}, {PolicyName: "DTA", Control: "root"},
		}}}},
	})
	for _, which := range []string{"1.0", p.manifest.String()} {
		a := s.ask("GET", path("team/bad/manifests/%s", which))
		if a.status != 403 || a.code() != "DENIED" || a.message() != "denied by policy" || a.header.Get(decisionHeader) != "d-1" {
			t.Fatalf("%s: %d %s", which, a.status, a.body)
		}
		detail := a.errors[0].Detail
		if detail["policy"] != "DTA" || detail["control"] != "dta" || detail["decision_id"] != "d-1" ||
			detail["finding"].(map[string]any)["slug"] != "reverse-shell" || len(detail["checks"].([]any)) != 1 {
			t.Errorf("detail: %v", detail)
		}
		if a.header.Get("Docker-Content-Digest") != "" || a.header.Get("Etag") != "" {
			t.Errorf("headers of the image itself: %v", a.header)
		}
		h := s.ask("HEAD", path("team/bad/manifests/%s", which))
		if h.status != 403 || h.header.Get(decisionHeader) != "d-1" || len(h.body) != 0 {
			t.Errorf("HEAD %s: %d %v", which, h.status, h.header)
		}
		if c := s.ask("GET", path("team/bad/manifests/%s", which), `If-None-Match: "`+p.manifest.String()+`"`); c.status != 403 {
			t.Errorf("a conditional GET got %d", c.status)
		}
	}
	for _, blob := range append(p.layers, p.config) {
		for _, method := range []string{"GET", "HEAD"} {
			for _, header := range []string{"Accept: */*", "Range: bytes=0-0", `If-None-Match: "` + blob.String() + `"`, `If-Range: "` + blob.String() + `"`} {
				if a := s.ask(method, path("team/bad/blobs/%s", blob), header); a.status != 403 || (method == "GET" && a.code() != "DENIED") {
					t.Errorf("%s of a blob with %s: %d %s", method, header, a.status, a.body)
				}
			}
		}
	}
	s.gate.say(p.manifest, gate.Decision{Action: gate.Allow})
	if _, err := s.pull("team/bad:1.0"); err != nil {
		t.Errorf("allowed again: %v", err)
	}
}

func TestFirstPullIsGatedToo(t *testing.T) {
	s := newSite(t, disk(t))
	p := s.push("team/bad:1.0", 5000)
	s.gate.deny(p.manifest)
	if a := s.ask("GET", path("team/bad/manifests/1.0")); a.status != 403 {
		t.Errorf("got %d", a.status)
	}
	for _, blob := range append(p.layers, p.config) {
		if a := s.ask("GET", path("team/bad/blobs/%s", blob)); a.status != 403 {
			t.Errorf("a blob: %d", a.status)
		}
		if n := s.origin.Asked("GET", blob.String()); n != 0 {
			t.Errorf("a blob of a denied image was fetched")
		}
	}
}

func TestWaysAround(t *testing.T) {
	s := newSite(t, disk(t))
	bad, good := s.push("team/bad:1.0", 5000), s.push("team/good:1.0", 5000)
	s.gate.deny(bad.manifest)
	idx, err := random.Index(1000, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	s.origin.Push(t, "team/multi:1.0", idx)
	m, _ := idx.IndexManifest()
	index, _ := idx.Digest()
	child := digest.Digest(m.Manifests[0].Digest.String())
	childImg, err := idx.Image(m.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	childLayer := describe(t, childImg).layers[0]
	s.gate.deny(child)

	for _, c := range []struct {
		name, path string
		status     int
		code       string
	}{
		{"a blob before anybody asked for its manifest", path("team/bad/blobs/%s", bad.layers[0]), 404, "BLOB_UNKNOWN"},
		{"the manifest", path("team/bad/manifests/1.0"), 403, "DENIED"},
		{"its blob after that", path("team/bad/blobs/%s", bad.layers[0]), 403, "DENIED"},
		{"the blob through another repository", path("team/good/blobs/%s", bad.layers[0]), 404, "BLOB_UNKNOWN"},
		{"the manifest as a blob", path("team/bad/blobs/%s", bad.manifest), 404, "BLOB_UNKNOWN"},
		{"the configuration as a manifest", path("team/bad/manifests/%s", bad.config), 404, "MANIFEST_UNKNOWN"},
		{"through another repository by digest", path("team/good/manifests/%s", bad.manifest), 404, "MANIFEST_UNKNOWN"},
		{"an uppercase repository", path("team/BAD/manifests/1.0"), 400, "NAME_INVALID"},
		{"the registry in capitals", "/v2/" + strings.ToUpper(upstreamName) + "/team/bad/manifests/1.0", 403, "DENIED"},
		{"the registry with a port that says nothing", "/v2/" + upstreamName + ":443/team/bad/manifests/1.0", 403, "DENIED"},
		{"by ns", "/v2/team/bad/manifests/1.0?ns=" + upstreamName, 403, "DENIED"},
		{"by default", "/v2/team/bad/manifests/1.0", 403, "DENIED"},
		{"the digest in capitals", path("team/bad/manifests/sha256:%s", strings.ToUpper(bad.manifest.Encoded())), 400, "DIGEST_INVALID"},
		{"dots in the path", "/v2/" + upstreamName + "/team/good/../bad/manifests/1.0", 400, "NAME_INVALID"},
		{"encoded dots", "/v2/" + upstreamName + "/team/good/%2e%2e/bad/manifests/1.0", 400, "NAME_INVALID"},
		{"an encoded slash", "/v2/" + upstreamName + "/team%2Fbad/manifests/1.0", 400, "NAME_INVALID"},
		{"two slashes", "/v2/" + upstreamName + "//team/bad/manifests/1.0", 400, "NAME_INVALID"},
		{"a slash at the end", path("team/bad/manifests/1.0/"), 404, "UNSUPPORTED"},
		{"an allowed index", path("team/multi/manifests/1.0"), 200, ""},
		{"its denied child", path("team/multi/manifests/%s", child), 403, "DENIED"},
		{"a layer of the denied child", path("team/multi/blobs/%s", childLayer), 403, "DENIED"},
		{"the index as a blob", path("team/multi/blobs/%s", index), 404, "BLOB_UNKNOWN"},
		{"an allowed image", path("team/good/manifests/1.0"), 200, ""},
		{"its layer", path("team/good/blobs/%s", good.layers[0]), 200, ""},
	} {
		a := s.ask("GET", c.path)
		if a.status != c.status || a.code() != c.code {
			t.Errorf("%s: %d %s", c.name, a.status, a.body)
		}
		if h := s.ask("HEAD", c.path); h.status != c.status {
			t.Errorf("%s: HEAD gets %d", c.name, h.status)
		}
	}
}

func TestBlobOfADeniedAndAnAllowedImage(t *testing.T) {
	s := newSite(t, inmemory.New())
	p := s.push("team/app:1.0", 3000)
	// The same layers under another configuration, as a rebuild makes it.
	raw, _ := p.img.RawManifest()
	other := []byte(strings.Replace(string(raw), `"schemaVersion"`, `"annotations":{"a":"b"},"schemaVersion"`, 1))
	s.origin.Put(t, "team/app", "2.0", "application/vnd.docker.distribution.manifest.v2+json", other)
	s.gate.deny(digest.FromBytes(other))
	for _, tag := range []string{"1.0", "2.0"} {
		s.ask("GET", path("team/app/manifests/%s", tag))
	}
	if a := s.ask("GET", path("team/app/blobs/%s", p.layers[0])); a.status != 200 || digest.FromBytes(a.body) != p.layers[0] {
		t.Errorf("an allowed image names it too: %d", a.status)
	}
	s.gate.deny(p.manifest)
	if a := s.ask("GET", path("team/app/blobs/%s", p.layers[0])); a.status != 403 {
		t.Errorf("both are denied: %d", a.status)
	}
}

func TestWaiting(t *testing.T) {
	s := newSite(t, inmemory.New(), func(c *Config) { c.Hold = 150 * time.Millisecond })
	p := s.push("team/app:1.0", 1000)
	waits := gate.Decision{Action: gate.Wait, ID: "w-1", Message: "is being analysed: running (40 s)", State: "running (40 s)", RetryAfter: 1500 * time.Millisecond}
	s.gate.say(p.manifest, waits)
	if a := s.ask("HEAD", path("team/app/manifests/1.0")); a.status != 200 || a.header.Get(decisionHeader) != "w-1" || a.header.Get("Docker-Content-Digest") != p.manifest.String() {
		t.Errorf("HEAD: %d %v", a.status, a.header)
	}
	begun := time.Now()
	a := s.ask("GET", path("team/app/manifests/1.0"))
	if took := time.Since(begun); took < 150*time.Millisecond || took > 20*time.Second {
		t.Errorf("held for %s", took)
	}
	if a.status != 429 || a.code() != "TOOMANYREQUESTS" || a.header.Get("Retry-After") != "2" ||
		!strings.Contains(a.message(), "running (40 s)") || a.errors[0].Detail["state"] != "running (40 s)" {
		t.Errorf("GET: %d %v %s", a.status, a.header, a.body)
	}
	if a := s.ask("GET", path("team/app/blobs/%s", p.layers[0])); a.status != 429 {
		t.Errorf("a blob: %d", a.status)
	}
	// Decided while the client is held.
	for name, decide := range map[string]func(){
		"allowed": func() { s.gate.say(p.manifest, gate.Decision{Action: gate.Allow}) },
		"denied":  func() { s.gate.deny(p.manifest) },
	} {
		s.content.cfg.Hold = 30 * time.Second
		s.gate.say(p.manifest, waits)
		got := make(chan answer)
		go func() { got <- s.ask("GET", path("team/app/manifests/1.0")) }()
		time.Sleep(20 * time.Millisecond)
		decide()
		want := map[string]int{"allowed": 200, "denied": 403}[name]
		if a := <-got; a.status != want {
			t.Errorf("%s while held: %d %s", name, a.status, a.body)
		}
	}
}

func TestFaultStaysClosed(t *testing.T) {
	s := newSite(t, inmemory.New())
	p := s.push("team/app:1.0", 1000)
	if _, err := s.pull("team/app:1.0"); err != nil {
		t.Fatal(err)
	}
	s.gate.fail(errors.New("facts cannot be read"))
	for _, where := range []string{path("team/app/manifests/1.0"), path("team/app/blobs/%s", p.layers[0])} {
		a := s.ask("GET", where)
		if a.status != 503 || a.code() != "UNAVAILABLE" || !strings.Contains(a.message(), "facts cannot be read") || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", where, a.status, a.body)
		}
		if h := s.ask("HEAD", where); h.status != 503 {
			t.Errorf("HEAD %s: %d", where, h.status)
		}
	}
	s.gate.fail(nil)
	s.gate.say(p.manifest, gate.Decision{Action: "perhaps"})
	if a := s.ask("GET", path("team/app/manifests/1.0")); a.status != 403 {
		t.Errorf("an action that is not known: %d", a.status)
	}
}

func TestWarnings(t *testing.T) {
	s := newSite(t, inmemory.New())
	p := s.push("team/app:1.0", 1000)
	s.gate.say(p.manifest, gate.Decision{Action: gate.Allow, ID: "a-1", Warnings: []string{"not \"analysed\"\r\nX: y", "second", strings.Repeat("long", 2000)}})
	a := s.ask("GET", path("team/app/manifests/1.0"))
	want := []string{`299 - "not 'analysed' X: y"`, `299 - "second"`}
	if a.status != 200 || fmt.Sprint(a.header["Warning"]) != fmt.Sprint(want) || a.header.Get("X") != "" {
		t.Errorf("%d %q", a.status, a.header["Warning"])
	}
}

func TestTheGateIsAskedWhatTheClientAsked(t *testing.T) {
	s := newSite(t, inmemory.New())
	p := s.push("team/app:1.0", 1000)
	s.ask("GET", path("team/app/manifests/1.0"))
	s.ask("GET", path("team/app/manifests/%s", p.manifest))
	want := []string{upstreamName + "/team/app:1.0@" + p.manifest.String(), upstreamName + "/team/app@" + p.manifest.String()}
	for i, req := range s.gate.asked {
		if req.Reference.String() != want[i] || req.Context.Kind != "pull" || req.Client != "127.0.0.1" {
			t.Errorf("asked %+v", req)
		}
	}
}

func TestSandboxGrant(t *testing.T) {
	s := newSite(t, disk(t))
	p, other := s.push("team/app:1.0", 3000), s.push("team/app:2.0", 3000)
	ref, err := image.New(upstreamName, "team/app", p.manifest.String())
	if err != nil {
		t.Fatal(err)
	}
	s.grants["good-token"] = ref
	for _, d := range []digest.Digest{p.manifest, other.manifest} {
		s.gate.deny(d) // the sandbox reads what nobody else may
	}
	for _, c := range []struct {
		name, token, path string
		status            int
	}{
		{"the base", "good-token", "/v2/", 200},
		{"its manifest", "good-token", path("team/app/manifests/%s", p.manifest), 200},
		{"its configuration", "good-token", path("team/app/blobs/%s", p.config), 200},
		{"its layer", "good-token", path("team/app/blobs/%s", p.layers[1]), 200},
		{"by tag", "good-token", path("team/app/manifests/1.0"), 403},
		{"another manifest", "good-token", path("team/app/manifests/%s", other.manifest), 403},
		{"the other's blob, not fetched yet", "good-token", path("team/app/blobs/%s", other.layers[0]), 404},
		{"the same digest elsewhere", "good-token", path("team/else/manifests/%s", p.manifest), 403},
		{"tags", "good-token", path("team/app/tags/list"), 403},
		{"referrers", "good-token", path("team/app/referrers/%s", p.manifest), 403},
		{"a wrong token", "bad-token", path("team/app/manifests/%s", p.manifest), 401},
		{"a wrong token at the base", "bad-token", "/v2/", 401},
		{"no token", "", path("team/app/manifests/%s", p.manifest), 403},
	} {
		headers := []string{}
		if c.token != "" {
			headers = append(headers, "Authorization: Bearer "+c.token)
		}
		if a := s.ask("GET", c.path, headers...); a.status != c.status {
			t.Errorf("%s: %d %s", c.name, a.status, a.body)
		}
	}
	s.ask("GET", path("team/app/manifests/2.0")) // known now, and denied
	if a := s.ask("GET", path("team/app/blobs/%s", other.layers[0]), "Authorization: Bearer good-token"); a.status != 403 {
		t.Errorf("the other's blob: %d", a.status)
	}
	if len(s.gate.asked) != 2 {
		t.Errorf("the gate was asked %d times, want twice: without a token and for 2.0", len(s.gate.asked))
	}
}

func TestReferrers(t *testing.T) {
	s := newSite(t, inmemory.New())
	p := s.push("team/app:1.0", 1000)
	s.gate.deny(p.manifest)
	blob := []byte(`{"verdict":"malicious"}`)
	manifest := []byte(fmt.Sprintf(`{"schemaVersion":2,"artifactType":"application/vnd.sallyport.report.v1+json","config":{"digest":"%s","size":2},"annotations":{"k":"v"},"subject":{"digest":"%s"}}`,
		digest.FromString("{}"), p.manifest))
	report := verdict.Artifact{
		MediaType: "application/vnd.oci.image.manifest.v1+json", ArtifactType: "application/vnd.sallyport.report.v1+json",
		Digest: digest.FromBytes(manifest), Manifest: manifest,
		Blobs: map[digest.Digest][]byte{digest.FromBytes(blob): blob, digest.FromString("{}"): []byte("{}")},
	}
	s.artifacts[p.manifest] = []verdict.Artifact{report}

	check := func(when string) {
		t.Helper()
		if a := s.ask("GET", path("team/app/manifests/%s", report.Digest)); a.status != 200 || string(a.body) != string(manifest) || a.header.Get("Content-Type") != report.MediaType {
			t.Errorf("%s: the report's manifest: %d %s", when, a.status, a.body)
		}
		for d, want := range report.Blobs {
			if a := s.ask("GET", path("team/app/blobs/%s", d)); a.status != 200 || string(a.body) != string(want) {
				t.Errorf("%s: the report's blob: %d %s", when, a.status, a.body)
			}
		}
	}
	a := s.ask("GET", path("team/app/referrers/%s", p.manifest))
	if a.status != 200 || a.header.Get("Content-Type") != "application/vnd.oci.image.index.v1+json" ||
		!strings.Contains(string(a.body), report.Digest.String()) || !strings.Contains(string(a.body), `"annotations":{"k":"v"}`) {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	check("after the list")
	s.close()
	s.open()
	check("after a restart, without the list")

	filtered := s.ask("GET", path("team/app/referrers/%s?artifactType=application/spdx", p.manifest))
	if filtered.status != 200 || filtered.header.Get("OCI-Filters-Applied") != "artifactType" || !strings.Contains(string(filtered.body), `"manifests":[]`) {
		t.Errorf("filtered: %d %v %s", filtered.status, filtered.header, filtered.body)
	}
	if a := s.ask("GET", path("team/app/referrers/%s", digest.FromString("nobody"))); a.status != 200 || !strings.Contains(string(a.body), `"manifests":[]`) {
		t.Errorf("of what is not known: %d %s", a.status, a.body)
	}
	if a := s.ask("GET", path("team/else/referrers/%s", p.manifest)); !strings.Contains(string(a.body), `"manifests":[]`) {
		t.Errorf("through a repository without the image: %d %s", a.status, a.body)
	}
	if a := s.ask("GET", path("team/else/manifests/%s", report.Digest)); a.status != http.StatusNotFound {
		t.Errorf("the report through a repository without the image: %d", a.status)
	}
}
