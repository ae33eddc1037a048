package gate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/policies"
)

const severityPolicy = "name: Severity\ncvss_severity_enabled: true\ncvss_severity: high\n"

// scanned finds one vulnerability in every image.
func scanned(in *policies.Input) {
	in.Vulnerabilities = policies.Vulnerabilities{Origin: policies.Origin{Known: true, Source: "test 1"}, Items: []policies.Vulnerability{
		{ID: "CVE-2024-3094", Severity: "critical", Score: 10, Package: "xz-utils", Version: "5.6.1", Path: "/usr/bin/xz"},
	}}
}

func acknowledged(issue string, change func(*gate.Risk)) gate.Risk {
	r := gate.Risk{IssueType: "vulnerability", IssueName: issue, Comment: "not\nreachable", Author: "ada"}
	if change != nil {
		change(&r)
	}
	return r
}

func TestAcknowledgedRisksDoNotCount(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		w := newWorld(t, connect)
		w.scanner = scanned
		app := w.content.AddImage(t, "app", amd64)
		index := w.content.AddIndex(t, app)
		here, there := w.start(severityPolicy), w.start(severityPolicy)
		for _, r := range []*replica{here, there} {
			r.expect(tagged(index, "1"), gate.Deny)
			r.expect(tagged(index, "1"), gate.Deny) // remembered
		}
		kept, err := here.gate.Risks().Acknowledge(t.Context(), acknowledged("CVE-2024-3094", func(r *gate.Risk) {
			r.RegistryName, r.ImageName, r.ExpirationDays = "registry.test", "team/app:1", 30
		}))
		if err != nil {
			t.Fatal(err)
		}
		d := there.expect(tagged(index, "1"), gate.Allow) // felt by the next request on the other replica
		used := d.Judged[0].Result.Acknowledged
		if len(used) != 1 || used[0].ID != kept[0].ID || used[0].Author != "ada" || used[0].Comment != "not reachable" || used[0].Expires.IsZero() {
			t.Errorf("the decision says %+v", used)
		}
		record, err := there.gate.Record(t.Context(), d.ID)
		if err != nil || len(record.Decision.Judged[0].Result.Acknowledged) != 1 {
			t.Errorf("the audit log says %+v, %v", record, err)
		}
		here.expect(tagged(app, ""), gate.Allow) // a digest is judged by its tags
		elsewhere := tagged(app, "1")
		elsewhere.Reference.Repository = "team/other"
		here.expect(elsewhere, gate.Deny)

		there.skew.Store(int64(31 * 24 * time.Hour))
		there.expect(tagged(index, "1"), gate.Deny) // expired
		if list, err := there.gate.Risks().List(t.Context()); err != nil || len(list) != 1 || !list[0].Expired {
			t.Errorf("list %+v, %v", list, err)
		}
		here.expect(tagged(index, "1"), gate.Allow)
		if err := there.gate.Risks().Revoke(t.Context(), kept[0].ID); err != nil {
			t.Fatal(err)
		}
		here.expect(tagged(index, "1"), gate.Deny)
		if err := here.gate.Risks().Revoke(t.Context(), kept[0].ID); !errors.Is(err, gate.ErrUnknownRisk) {
			t.Errorf("revoked twice: %v", err)
		}
	})
}

func TestWhichImagesARiskCovers(t *testing.T) {
	image := policies.Image{Registry: "docker.io", RegistryName: "Docker Hub", Repository: "library/nginx", Tags: []string{"1.27", "latest"}, Digest: "sha256:aa"}
	for name, test := range map[string]struct {
		risk gate.Risk
		want bool
	}{
		"everywhere":                     {gate.Risk{}, true},
		"a registry":                     {gate.Risk{RegistryName: "docker.io"}, true},
		"a registry by another name":     {gate.Risk{RegistryName: "Docker Hub"}, true},
		"another registry":               {gate.Risk{RegistryName: "ghcr.io"}, false},
		"a repository":                   {gate.Risk{RepositoryName: "library/nginx"}, true},
		"a repository by its short name": {gate.Risk{RepositoryName: "nginx"}, true},
		"repositories":                   {gate.Risk{RepositoryName: "library/*"}, true},
		"another repository":             {gate.Risk{RepositoryName: "library/redis"}, false},
		"a tag":                          {gate.Risk{ImageName: "nginx:latest"}, true},
		"another tag":                    {gate.Risk{ImageName: "nginx:1.26"}, false},
		"tags":                           {gate.Risk{ImageName: "*:1.*"}, true},
		"a digest":                       {gate.Risk{ImageName: "library/nginx@sha256:aa"}, true},
		"the digest of its index":        {gate.Risk{ImageName: "nginx@sha256:bb"}, true},
		"another digest":                 {gate.Risk{ImageName: "nginx@sha256:cc"}, false},
		"a tag of another registry":      {gate.Risk{RegistryName: "ghcr.io", ImageName: "nginx:latest"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.risk.Covers(image, "sha256:aa", "sha256:bb"); got != test.want {
				t.Errorf("covers: %v", got)
			}
		})
	}
}

func TestRisksThatCannotBeAcknowledged(t *testing.T) {
	w := newWorld(t, embedded(t))
	r := w.start()
	for name, change := range map[string]func(*gate.Risk){
		"no such type":           func(k *gate.Risk) { k.IssueType = "licence" },
		"no issue":               func(k *gate.Risk) { k.IssueName = " " },
		"all issues":             func(k *gate.Risk) { k.IssueName = "*" },
		"no comment":             func(k *gate.Risk) { k.Comment = "\n" },
		"no author":              func(k *gate.Risk) { k.Author = "" },
		"fewer days than none":   func(k *gate.Risk) { k.ExpirationDays = -1 },
		"expired":                func(k *gate.Risk) { k.Expires = time.Now().Add(-time.Hour) },
		"repository given twice": func(k *gate.Risk) { k.RepositoryName, k.ImageName = "a", "b" },
	} {
		good := acknowledged("CVE-2", nil)
		bad := acknowledged("CVE-1", change)
		if _, err := r.gate.Risks().Acknowledge(t.Context(), good, bad); !errors.Is(err, gate.ErrRisk) {
			t.Errorf("%s: %v, want ErrRisk", name, err)
		}
	}
	if list, err := r.gate.Risks().List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("kept: %+v, %v", list, err)
	}
	for _, id := range []string{"", "../permissions/x", strings.Repeat("x", 1000)} {
		if err := r.gate.Risks().Revoke(t.Context(), id); !errors.Is(err, gate.ErrUnknownRisk) {
			t.Errorf("Revoke(%.20q): %v", id, err)
		}
	}
}

func TestTheSameRiskAgainReplacesIt(t *testing.T) {
	w := newWorld(t, embedded(t))
	r := w.start()
	for _, change := range []func(*gate.Risk){
		func(k *gate.Risk) { k.RegistryName, k.ImageName = "Index.docker.io", "library/nginx" },
		func(k *gate.Risk) {
			k.RegistryName, k.RepositoryName, k.ExpirationDays = "docker.io", "library/nginx", 1
		},
		func(k *gate.Risk) { k.ResourceName = "openssl" },
	} {
		if _, err := r.gate.Risks().Acknowledge(t.Context(), acknowledged("CVE-1", change)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := r.gate.Risks().List(t.Context())
	if err != nil || len(list) != 2 || !slices.ContainsFunc(list, func(k gate.Risk) bool { return k.RepositoryName == "library/nginx" && k.ExpirationDays == 1 }) {
		t.Errorf("list %+v, %v", list, err)
	}
}
