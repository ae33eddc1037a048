package console_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/internal/reporttest"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/verdict"
)

// pull asks the gate as a pull of name does.
func (s *site) pull(t *testing.T, name string) gate.Decision {
	t.Helper()
	ref, err := image.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	if ref, err = s.Resolve(t.Context(), ref); err != nil {
		t.Fatal(err)
	}
	d, err := s.Gate.Decide(t.Context(), gate.Request{Reference: ref, Context: policies.Context{Kind: "pull"}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestFromLabelToDenial is what a person does: label, wait, read, and find the
// image denied.
func TestFromLabelToDenial(t *testing.T) {
	s := open(t)
	evil := s.Push(t, "demo.test/shell:v1", report.Malicious)
	s.Push(t, "demo.test/web:v1", report.Clean)
	if d := s.pull(t, "demo.test/shell:v1"); d.Action != gate.Allow {
		t.Fatalf("before it was labelled: %s", d.Message)
	}
	var before console.Image
	s.do(t, "GET", "/api/v2/images/demo.test/shell/v1", nil, http.StatusOK, &before)
	if before.Disallowed || before.ScanStatus != "finished" || len(before.Labels) != 0 || before.Digest != evil.String() {
		t.Errorf("before: %+v", before)
	}

	var labelled console.LabelsAnswer
	s.do(t, "POST", "/api/v1/labels", `{"target":"localhost:5000/demo.test/shell:v1","labels":["DTA"]}`, http.StatusOK, &labelled)
	if labelled.Target != "demo.test/shell:v1" || labelled.Kind != "image" || !slices.Equal(labelled.Labels, []string{"DTA"}) {
		t.Errorf("labelled: %+v", labelled)
	}
	if len(labelled.Images) != 1 || labelled.Images[0].Action != gate.Wait || labelled.Images[0].State == "" {
		t.Errorf("labelling set off %+v", labelled.Images)
	}
	eventually(t, "the image is denied", func() bool { return s.pull(t, "demo.test/shell:v1").Action == gate.Deny })

	var after console.Image
	s.do(t, "GET", "/api/v2/images/demo.test/shell/v1", nil, http.StatusOK, &after)
	if !after.Disallowed || after.DTASeverity != "critical" || after.DTASkipped || after.ScanDate.IsZero() || !slices.Equal(after.Labels, []string{"DTA"}) {
		t.Errorf("after: %+v", after)
	}
	if i := slices.IndexFunc(after.Assurance.Checks, func(c policies.Check) bool { return c.Control == "dta" && c.Failed && c.PolicyName == "DTA" }); i < 0 {
		t.Errorf("checks %+v", after.Assurance.Checks)
	}
	if a := after.Assurance; !a.Disallowed || !a.Block || !a.Audit || len(a.Failures) != 1 || a.Failures[0].PolicyName != "DTA" || !slices.Equal(a.Failures[0].Controls, []string{"dta"}) ||
		a.DecisionID == "" || a.Generation != s.Library.Current().Generation() || len(a.Messages) == 0 || !strings.Contains(a.Messages[0], a.DecisionID) {
		t.Errorf("assurance results %+v", a)
	}
	if p := after.Sallyport.Platforms; len(p) != 1 || p[0].Verdict == nil || p[0].Verdict.Conclusion != report.Malicious || p[0].Analysis != "done" {
		t.Errorf("platforms %+v", p)
	}
	for _, same := range []string{"/api/v1/image?image=localhost:5000/demo.test/shell:v1", "/api/v2/images/demo.test/shell/" + evil.String(), "/api/v2/images/localhost:5000/demo.test/shell/v1"} {
		var doc console.Image
		if s.do(t, "GET", same, nil, http.StatusOK, &doc); doc.Digest != evil.String() || !doc.Disallowed {
			t.Errorf("%s: %+v", same, doc)
		}
	}

	raw := s.do(t, "GET", "/api/v1/reports?image=demo.test/shell:v1", nil, http.StatusOK, nil)
	r, err := report.Decode(strings.NewReader(raw))
	if err != nil || r.Verdict != report.Malicious || r.Image.Digest != evil.String() {
		t.Errorf("report %v, %v", r, err)
	}
	s.do(t, "GET", "/api/v1/reports?image=demo.test/shell:v1&platform=linux/arm64", nil, http.StatusNotFound, nil)
	s.do(t, "GET", "/api/v1/reports?image=demo.test/shell:v1&platform=amd64", nil, http.StatusBadRequest, nil)
	if text := s.do(t, "GET", "/api/v1/reports?image=demo.test/web:v1", nil, http.StatusNotFound, nil); !strings.Contains(text, "label it DTA") {
		t.Errorf("no report: %s", text)
	}

	var decided console.Decided
	s.do(t, "GET", "/api/v1/decisions/"+s.pull(t, "demo.test/shell:v1").ID, nil, http.StatusOK, &decided)
	if decided.Action != gate.Deny || decided.Policy != "DTA" || decided.Context.Kind != "pull" {
		t.Errorf("decision %+v", decided)
	}

	s.do(t, "DELETE", "/api/v1/labels?target=demo.test/shell:v1&label=DTA", nil, http.StatusOK, &labelled)
	if len(labelled.Labels) != 0 || s.pull(t, "demo.test/shell:v1").Action != gate.Allow {
		t.Errorf("without the label: %+v", labelled)
	}
}

func TestTargets(t *testing.T) {
	s := open(t)
	for text, want := range map[string]string{
		"demo.test/web:v1":                "image demo.test/web:v1",
		"demo.test/web":                   "repository demo.test/web",
		"demo.test":                       "registry demo.test",
		"demo.test/":                      "registry demo.test",
		"DEMO.test":                       "registry demo.test",
		"docker.io":                       "registry docker.io",
		"index.docker.io":                 "registry docker.io",
		"localhost:5001":                  "registry localhost:5001",
		"nginx":                           "repository docker.io/library/nginx",
		"nginx:1.27":                      "image docker.io/library/nginx:1.27",
		"redis:7":                         "image docker.io/library/redis:7",
		"localhost:5000/demo.test/a/b:v1": "image demo.test/a/b:v1",
		"localhost:5000/demo.test/a/b":    "repository demo.test/a/b",
		"localhost:5000/demo.test":        "registry demo.test",
		"localhost:5000/nginx":            "repository docker.io/library/nginx",
		"localhost:5000/nginx:1.27":       "image docker.io/library/nginx:1.27",
		"localhost:5000/docker.io/nginx":  "repository docker.io/library/nginx",
		"demo.test/a@sha256:" + strings.Repeat("a", 64): "image demo.test/a@sha256:" + strings.Repeat("a", 64),
	} {
		t.Run(text, func(t *testing.T) {
			var answer console.LabelsAnswer
			s.do(t, "GET", "/api/v1/labels?target="+url.QueryEscape(text), nil, http.StatusOK, &answer)
			if got := answer.Kind + " " + answer.Target; got != want {
				t.Errorf("%q means %s, want %s", text, got, want)
			}
		})
	}
	for query, want := range map[string]string{
		"target=demo.test/web&kind=image": "image demo.test/web:latest", "target=web.test&kind=repository": "repository docker.io/library/web.test", "target=nginx&kind=registry": "registry nginx",
	} {
		code, answer := s.as(t, s.admin, "GET", "/api/v1/labels?"+query, nil)
		var got console.LabelsAnswer
		_ = json.Unmarshal([]byte(answer), &got)
		if query == "target=nginx&kind=registry" {
			if code != http.StatusBadRequest {
				t.Errorf("%s: %d %s", query, code, answer)
			}
		} else if got.Kind+" "+got.Target != want {
			t.Errorf("%s: %s, want %s", query, answer, want)
		}
	}
}

func TestLabellingCoversWhatIsKnownBelow(t *testing.T) {
	s := open(t)
	s.Push(t, "demo.test/a:v1", report.Clean)
	s.Push(t, "demo.test/a:v2", report.Clean)
	s.Push(t, "demo.test/b:v1", report.Clean)
	s.pull(t, "demo.test/a:v1")
	s.pull(t, "demo.test/a:v2")
	s.pull(t, "demo.test/b:v1")
	count := func(target string) int {
		var a console.LabelsAnswer
		s.do(t, "POST", "/api/v1/labels", map[string]any{"target": target, "labels": []string{"team:web"}}, http.StatusOK, &a)
		return len(a.Images)
	}
	if n := count("demo.test/a"); n != 2 {
		t.Errorf("the repository covers %d images", n)
	}
	if n := count("demo.test"); n != 3 {
		t.Errorf("the registry covers %d images", n)
	}
	var doc console.Image
	s.do(t, "GET", "/api/v2/images/demo.test/b/v1", nil, http.StatusOK, &doc)
	if !slices.Equal(doc.Labels, []string{"team:web"}) {
		t.Errorf("labels of an image below: %q", doc.Labels)
	}
	t.Run("an image that nobody asked about is looked at", func(t *testing.T) {
		s.Push(t, "demo.test/new:v1", report.Clean)
		var a console.LabelsAnswer
		s.do(t, "POST", "/api/v1/labels", `{"target":"demo.test/new:v1","labels":["DTA"]}`, http.StatusOK, &a)
		if len(a.Images) != 1 || a.Images[0].Action != gate.Wait {
			t.Errorf("answer %+v", a)
		}
	})
	t.Run("an image that is nowhere is labelled all the same", func(t *testing.T) {
		var a console.LabelsAnswer
		s.do(t, "POST", "/api/v1/labels", `{"target":"demo.test/later:v1","labels":["DTA"]}`, http.StatusOK, &a)
		if len(a.Images) != 0 || !slices.Equal(a.Labels, []string{"DTA"}) {
			t.Errorf("answer %+v", a)
		}
	})
}

func TestImageList(t *testing.T) {
	s := open(t)
	for _, name := range []string{"demo.test/a:v1", "demo.test/a:v2", "demo.test/b:v1", "nginx:1.27"} {
		s.Push(t, name, report.Clean)
		s.pull(t, name)
	}
	list := func(query string) (names []string, count int) {
		var page struct {
			Count  int
			Result []console.Image
		}
		s.do(t, "GET", "/api/v2/images?"+query, nil, http.StatusOK, &page)
		for _, i := range page.Result {
			names = append(names, i.Registry+"/"+i.Name)
			if i.Seen.IsZero() || i.Sallyport.Action != gate.Allow {
				t.Errorf("image %+v", i)
			}
		}
		return names, page.Count
	}
	for query, want := range map[string][]string{
		"":                                    {"demo.test/a:v1", "demo.test/a:v2", "demo.test/b:v1", "docker.io/library/nginx:1.27"},
		"registry=demo.test&repository=a":     {"demo.test/a:v1", "demo.test/a:v2"},
		"registry=Docker%20Hub":               {"docker.io/library/nginx:1.27"},
		"name=v1":                             {"demo.test/a:v1", "demo.test/b:v1"},
		"pagesize=3&page=2":                   {"docker.io/library/nginx:1.27"},
		"page_size=2":                         {"demo.test/a:v1", "demo.test/a:v2"},
		"page=7":                              nil,
		"pagesize=1000000":                    {"demo.test/a:v1", "demo.test/a:v2", "demo.test/b:v1", "docker.io/library/nginx:1.27"},
		"page=9223372036854775807&pagesize=3": nil,
	} {
		names, _ := list(query)
		if !slices.Equal(names, want) {
			t.Errorf("%q lists %q, want %q", query, names, want)
		}
	}
	if _, count := list("pagesize=1"); count != 4 {
		t.Errorf("count %d", count)
	}
}

func TestRescan(t *testing.T) {
	s := open(t)
	d := s.Push(t, "demo.test/app:v1", report.Clean)
	var answer struct{ Images []console.Scan }
	s.do(t, "POST", "/api/v1/images", `{"images":[{"registry":"demo.test","repository":"app","tag":"v1","labels":null}]}`, http.StatusCreated, &answer)
	if p := answer.Images[0].Platforms; len(p) != 1 || !strings.Contains(p[0].State, "not analysed") {
		t.Errorf("outside every scope: %+v", answer)
	}
	s.do(t, "POST", "/api/v1/images/rescan", `{"full_rescan":true,"images":[{"image":"demo.test/app:v1"}]}`, http.StatusCreated, &answer)
	if s.Sandbox.Started(d) != 0 || !strings.Contains(answer.Images[0].Platforms[0].State, "label it") {
		t.Errorf("an image outside every scope was run: %+v", answer)
	}

	if err := s.Labels.Add(t.Context(), mustTarget("demo.test", "app", "v1"), "DTA"); err != nil {
		t.Fatal(err)
	}
	rescan := func(full bool) string {
		body := map[string]any{"full_rescan": full, "images": []any{map[string]any{"image": "localhost:5000/demo.test/app:v1"}}}
		s.do(t, "POST", "/api/v1/images/rescan", body, http.StatusCreated, &answer)
		return answer.Images[0].Platforms[0].State
	}
	if state := rescan(false); state == "" {
		t.Error("no state")
	}
	eventually(t, "the first run", func() bool { return s.Sandbox.Started(d) == 1 && s.pull(t, "demo.test/app:v1").Action == gate.Allow })
	if state := rescan(false); state != "done" || s.Sandbox.Started(d) != 1 {
		t.Errorf("a rescan of what is known: %q after %d runs", state, s.Sandbox.Started(d))
	}
	rescan(true)
	eventually(t, "the second run", func() bool { return s.Sandbox.Started(d) == 2 })
	if d := s.pull(t, "demo.test/app:v1"); d.Action != gate.Allow {
		t.Errorf("while it runs again the old verdict is in force, but: %s", d.Message)
	}
}

func TestIndexIsShownByItsPlatforms(t *testing.T) {
	s := open(t)
	arm := image.Platform{OS: "linux", Architecture: "arm64"}
	one, two := s.Content.AddImage(t, "one", amd64), s.Content.AddImage(t, "two", arm)
	s.Tag(t, "demo.test/multi:DTA", imagetest.Digest(s.Content.AddIndex(t, one, two)))
	s.Sandbox.Do(func() {
		s.Sandbox.Platforms = append(s.Sandbox.Platforms, arm)
		s.Sandbox.Conclusions[imagetest.Digest(two)] = report.Malicious
	})
	eventually(t, "the index is denied", func() bool { return s.pull(t, "demo.test/multi:DTA").Action == gate.Deny })
	var doc console.Image
	eventually(t, "both are analysed", func() bool {
		s.do(t, "GET", "/api/v2/images/demo.test/multi/DTA", nil, http.StatusOK, &doc)
		return doc.ScanStatus == "finished" && len(doc.Sallyport.Platforms) == 2 && doc.Sallyport.Platforms[0].Verdict != nil && doc.Sallyport.Platforms[1].Verdict != nil
	})
	if !doc.Disallowed || doc.DTASeverity != "critical" {
		t.Errorf("document %+v", doc)
	}
	for query, want := range map[string]report.Conclusion{"": report.Malicious, "&platform=linux/amd64": report.Clean, "&platform=linux/arm64": report.Malicious} {
		r, err := report.Decode(strings.NewReader(s.do(t, "GET", "/api/v1/reports?image=demo.test/multi:DTA"+query, nil, http.StatusOK, nil)))
		if err != nil || r.Verdict != want {
			t.Errorf("report%s: %v, %v, want %s", query, r, err, want)
		}
	}
}

func TestPermissions(t *testing.T) {
	s := open(t)
	pushed := s.Push(t, "demo.test/app:v1", report.Clean)
	body := func(comment string, extra map[string]any) map[string]any {
		b := map[string]any{"comment": comment, "images": []any{map[string]any{"registry": "demo.test", "repository": "app", "tag": "v1"}}}
		for k, v := range extra {
			b[k] = v
		}
		return b
	}
	s.do(t, "POST", "/api/v1/images/disallow", body("ticket 42", nil), http.StatusNoContent, nil)
	if d := s.pull(t, "demo.test/app:v1"); d.Action != gate.Deny || !strings.Contains(d.Message, "ticket 42") {
		t.Errorf("blocked: %s", d.Message)
	}
	var doc console.Image
	s.do(t, "GET", "/api/v2/images/demo.test/app/v1", nil, http.StatusOK, &doc)
	if !doc.Blacklisted || doc.Whitelisted || !doc.Disallowed || doc.PermissionAuthor != "administrator" || doc.PermissionComment != "ticket 42" {
		t.Errorf("document %+v", doc)
	}
	s.do(t, "POST", "/api/v1/images/allow", body("", nil), http.StatusBadRequest, nil)
	s.do(t, "POST", "/api/v1/images/allow", body("checked", map[string]any{"expires": time.Now().Add(-time.Hour)}), http.StatusBadRequest, nil)
	s.do(t, "POST", "/api/v1/images/allow", body("checked", map[string]any{"expires": time.Now().Add(time.Hour)}), http.StatusNoContent, nil)
	s.do(t, "GET", "/api/v2/images/demo.test/app/v1", nil, http.StatusOK, &doc)
	if doc.Blacklisted || !doc.Whitelisted || doc.Disallowed || doc.Permission != "allow" || doc.Sallyport.PermissionExpires.IsZero() || !strings.Contains(doc.Assurance.Messages[1], "allowed by administrator until ") {
		t.Errorf("document %+v", doc)
	}
	var list struct{ Result []gate.Permission }
	s.do(t, "GET", "/api/v1/permissions", nil, http.StatusOK, &list)
	if len(list.Result) != 1 || list.Result[0].Action != gate.Allow || list.Result[0].Expires.IsZero() {
		t.Errorf("list %+v", list)
	}
	s.do(t, "DELETE", "/api/v1/permissions?image=localhost:5000/demo.test/app:v1", nil, http.StatusNoContent, nil)
	s.do(t, "DELETE", "/api/v1/permissions?image=demo.test/app:v1", nil, http.StatusNotFound, nil)

	// Who broke the glass opened a digest; who takes it back may think of the tag.
	of := label.Target{Registry: "demo.test", Repository: "app", Which: pushed.String()}
	if err := s.Gate.Permissions().Set(t.Context(), gate.Permission{Target: of, Namespace: "shop", Action: gate.Allow, Comment: "break-glass", Author: "ada"}); err != nil {
		t.Fatal(err)
	}
	var said struct{ Message string }
	s.do(t, "DELETE", "/api/v1/permissions?image=demo.test/app:v1", nil, http.StatusNotFound, &said)
	if !strings.Contains(said.Message, "somebody did "+of.String()) {
		t.Errorf("what was said of the digest: %q", said.Message)
	}
	s.do(t, "DELETE", "/api/v1/permissions?image="+of.String(), nil, http.StatusNoContent, nil)
}

// What somebody allowed or blocked can still be looked at: what it did, and what
// the policies would say.
func TestWhatAPermissionCoversIsShown(t *testing.T) {
	s := open(t)
	d := s.Push(t, "demo.test/shell:DTA", report.Malicious)
	eventually(t, "the image is denied", func() bool { return s.pull(t, "demo.test/shell:DTA").Action == gate.Deny })
	for _, action := range []string{"allow", "disallow"} {
		s.do(t, "POST", "/api/v1/images/"+action, `{"comment":"known","images":[{"image":"demo.test/shell:DTA"}]}`, http.StatusNoContent, nil)
		r, err := report.Decode(strings.NewReader(s.do(t, "GET", "/api/v1/reports?image=demo.test/shell:DTA", nil, http.StatusOK, nil)))
		if err != nil || r.Verdict != report.Malicious {
			t.Errorf("%s: report %v, %v", action, r, err)
		}
		var doc console.Image
		s.do(t, "GET", "/api/v2/images/demo.test/shell/DTA", nil, http.StatusOK, &doc)
		if p := doc.Sallyport.Platforms; len(p) != 1 || p[0].Verdict == nil || p[0].Verdict.Conclusion != report.Malicious || len(doc.Assurance.Failures) != 1 {
			t.Errorf("%s: platforms %+v, assurance %+v", action, p, doc.Assurance)
		}
		if doc.Disallowed != (action == "disallow") || doc.Assurance.Block || doc.Assurance.FailCICD {
			t.Errorf("%s: the policies decide what somebody decided: %+v", action, doc.Assurance)
		}
		var answer console.ScansAnswer
		s.do(t, "POST", "/api/v1/images/rescan", `{"images":[{"image":"demo.test/shell:DTA"}]}`, http.StatusCreated, &answer)
		if p := answer.Images[0].Platforms; len(p) != 1 || p[0].Digest != d.String() {
			t.Errorf("%s: rescan %+v", action, answer)
		}
	}
	if s.pull(t, "demo.test/shell:DTA").Action != gate.Deny {
		t.Error("looking changed what the gate says")
	}
}

// The queue forgets what it has done.
func TestAVerdictIsTheEndOfAnAnalysis(t *testing.T) {
	s := open(t)
	d := s.Push(t, "demo.test/app:v1", report.Clean)
	raw, err := json.Marshal(reporttest.Report(d, report.Clean))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Verdicts.Put(t.Context(), verdict.Subject{Digest: d, MediaType: "application/vnd.oci.image.manifest.v1+json", Size: 100}, raw); err != nil {
		t.Fatal(err)
	}
	var doc console.Image
	s.do(t, "GET", "/api/v2/images/demo.test/app/v1", nil, http.StatusOK, &doc)
	if p := doc.Sallyport.Platforms; len(p) != 1 || p[0].Analysis != "done" {
		t.Errorf("platforms %+v", p)
	}
}

// A digest out of a log is no name: it is not looked for at Docker Hub.
func TestADigestAlone(t *testing.T) {
	s := open(t)
	d := s.Push(t, "demo.test/app:v1", report.Clean)
	for _, path := range []string{"/api/v1/reports?image=", "/api/v1/image?image="} {
		if text := s.do(t, "GET", path+d.String(), nil, http.StatusBadRequest, nil); !strings.Contains(text, "REPOSITORY@"+d.String()) {
			t.Errorf("%s: %s", path, text)
		}
	}
}
