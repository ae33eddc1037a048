package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/client"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/author"
	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/report"
)

func given(t testing.TB, texts ...string) []console.GivenPolicy {
	t.Helper()
	all := []console.GivenPolicy{}
	for _, text := range texts {
		d, err := document.Parse("p", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, console.GivenPolicy{Document: d})
	}
	return all
}

func (s *site) client(t testing.TB) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Server: s.url, Token: s.admin})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (s *site) preview(t *testing.T, req console.PreviewRequest) (console.PreviewSummary, map[string]author.Change, error) {
	t.Helper()
	changes := map[string]author.Change{}
	done, err := s.client(t).Preview(t.Context(), req, func(line console.PreviewLine) error {
		if line.Change != nil {
			changes[line.Change.Image[:strings.Index(line.Change.Image, "@")]] = *line.Change
		}
		return nil
	})
	return done, changes, err
}

const denyPay = "name: pay\nscope: image.repo.pay/*\ncustom_checks_enabled: true\ncustom_checks:\n- name: never\n  snippet: |\n    deny contains \"never\" if input.image.os == \"linux\"\n"

func TestPreviewTellsWhatWouldChange(t *testing.T) {
	s := open(t)
	for _, name := range []string{"demo.test/pay/api:v1", "demo.test/pay/web:v1", "demo.test/shop/web:v1"} {
		s.Push(t, name, report.Clean)
		s.pull(t, name)
	}
	// A second tag of the same digest is the same image.
	d := s.Push(t, "demo.test/pay/db:v1", report.Clean)
	s.Tag(t, "demo.test/pay/db:v2", d)
	s.pull(t, "demo.test/pay/db:v1")
	s.pull(t, "demo.test/pay/db:v2")

	done, changes, err := s.preview(t, console.PreviewRequest{Policies: given(t, denyPay)})
	if err != nil || done.Images != 4 || done.Flips != 3 || done.ToDenied != 3 || len(changes) != 3 || done.Before == done.After {
		t.Fatalf("%+v %v %v", done, changes, err)
	}
	c := changes["demo.test/pay/api:v1"]
	if c.Before.Action != author.Allow || c.After.Action != author.Deny || c.After.Policy != "pay" || c.After.Control != "custom_checks" || !strings.Contains(c.After.Message, "never") || c.Platform != "linux/amd64" {
		t.Errorf("%+v", c)
	}
	if d := s.pull(t, "demo.test/pay/api:v1"); d.Action != gate.Allow {
		t.Errorf("looking changed the answer: %s", d.Message)
	}
	if done, changes, err := s.preview(t, console.PreviewRequest{Policies: given(t, denyPay), All: true, Name: "shop"}); err != nil || done.Images != 1 || len(changes) != 1 || done.Flips != 0 {
		t.Errorf("one of them: %+v %v %v", done, changes, err)
	}

	// In force, it is what taking it away would change.
	if err := s.Library.Apply(t.Context(), given(t, denyPay)[0].Document); err != nil {
		t.Fatal(err)
	}
	for name, req := range map[string]console.PreviewRequest{
		"removed":             {Policies: []console.GivenPolicy{}, Removed: []string{"pay"}},
		"all others":          {Policies: given(t, "name: other"), Only: true},
		"two sets beside it":  {Before: ptr(given(t, denyPay)), Policies: given(t, "name: other"), Only: true},
		"in the place of one": {Policies: given(t, "name: pay\nscope: image.repo.pay/*")},
	} {
		if done, changes, err := s.preview(t, req); err != nil || done.Flips != 3 || done.ToDenied != 0 || changes["demo.test/pay/web:v1"].Before.Policy != "pay" {
			t.Errorf("%s: %+v %v %v", name, done, changes, err)
		}
	}

	// A person's word comes before any policy.
	must(t, s.Gate.Permissions().Set(t.Context(), gate.Permission{Target: mustTarget("demo.test", "pay/web", "v1"), Action: gate.Allow, Comment: "ticket 1", Author: "jane"}))
	if done, changes, err := s.preview(t, console.PreviewRequest{Policies: []console.GivenPolicy{}, Removed: []string{"pay"}, All: true}); err != nil || done.Flips != 2 || !strings.Contains(changes["demo.test/pay/web:v1"].After.Permission, "jane") {
		t.Errorf("permitted: %+v %+v %v", done, changes["demo.test/pay/web:v1"], err)
	}
}

func ptr[T any](v T) *T { return &v }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPreviewTakesFilesOfChecks(t *testing.T) {
	s := open(t)
	s.Push(t, "demo.test/pay/api:v1", report.Clean)
	s.pull(t, "demo.test/pay/api:v1")
	p := given(t, "name: pay\ncustom_checks_enabled: true\ncustom_checks: [{name: ours, path: checks/ours.rego}]")
	p[0].Files = map[string]string{"checks/ours.rego": "package ours\n\ndeny contains \"x\" if input.image.registry in data.checks.denied\n", "checks/data.json": `{"denied":["demo.test"]}`}
	if done, _, err := s.preview(t, console.PreviewRequest{Policies: p}); err != nil || done.ToDenied != 1 {
		t.Errorf("%+v %v", done, err)
	}
	p[0].Files["../x"] = "x"
	if _, _, err := s.preview(t, console.PreviewRequest{Policies: p}); err == nil || !strings.Contains(err.Error(), "../x") {
		t.Errorf("a path that leads out: %v", err)
	}
}

func TestPreviewOfWhatCannotBe(t *testing.T) {
	s := open(t)
	for name, c := range map[string]struct {
		body any
		code int
		says string
	}{
		"no document":       {`{"policies":[{"document":{}}]}`, 400, "name"},
		"a misspelt field":  {`{"policys":[]}`, 400, "policys"},
		"broken Rego":       {console.PreviewRequest{Policies: given(t, "name: p\ncustom_checks_enabled: true\ncustom_checks: [{name: a, snippet: 'deny contains'}]")}, 400, "custom check"},
		"twice":             {console.PreviewRequest{Policies: given(t, "name: p", "name: p"), Only: true}, 400, "two policies are named"},
		"a path, no files":  {console.PreviewRequest{Policies: given(t, "name: p\ncustom_checks_enabled: true\ncustom_checks: [{name: a, path: a.rego}]")}, 400, "a.rego"},
		"too large":         {`{"policies":[{"document":{"name":"p","description":"` + strings.Repeat("x", 17<<20) + `"}}]}`, 413, "larger than"},
		"not JSON":          {"{", 400, "JSON"},
		"other types' path": {`{"policies":[]}`, 404, "host"},
	} {
		path := "/api/v1/assurance_policy/image/preview"
		if c.code == 404 {
			path = strings.Replace(path, "image", "host", 1)
		}
		if code, answer := s.as(t, s.admin, "POST", path, c.body); code != c.code || !strings.Contains(answer, c.says) {
			t.Errorf("%s: %d, want %d: %.300s", name, code, c.code, answer)
		}
	}
	var made console.NewToken
	s.do(t, "POST", "/api/v1/tokens", `{"name":"reader","role":"reader"}`, http.StatusCreated, &made)
	if code, answer := s.as(t, made.Text, "POST", "/api/v1/assurance_policy/image/preview", `{"policies":[]}`); code != http.StatusForbidden {
		t.Errorf("a reader's token: %d %s", code, answer)
	}
}

// Rules that never end do not take their time for every image.
func TestHostilePreviewBreaksOff(t *testing.T) {
	s := open(t)
	for i := range 12 {
		name := fmt.Sprintf("demo.test/a/%d:v1", i)
		s.Push(t, name, report.Clean)
		s.pull(t, name)
	}
	start := time.Now()
	_, _, err := s.preview(t, console.PreviewRequest{Policies: given(t, "name: p\ncustom_checks_enabled: true\ncustom_checks:\n- name: bomb\n  snippet: |\n    deny contains \"x\" if count(numbers.range(1, 1000000000)) < 0\n")})
	if err == nil || !strings.Contains(err.Error(), `policy "p" could not be evaluated for 5 images`) || !strings.Contains(err.Error(), "took") {
		t.Errorf("%v", err)
	}
	if took := time.Since(start); took > 40*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestFactsOfAnImage(t *testing.T) {
	s := open(t)
	d := s.Push(t, "demo.test/pay/api:v1", report.Malicious)
	must(t, s.Labels.Add(t.Context(), mustTarget("demo.test", "pay/api", "v1"), "team:pay"))
	a, err := s.client(t).Facts(t.Context(), "localhost:5000/demo.test/pay/api:v1", policies.Context{Namespace: "prod"})
	if err != nil || len(a.Images) != 1 {
		t.Fatal(a, err)
	}
	f := a.Images[0]
	if f.Facts.Image.Digest != d.String() || f.Facts.Image.Repository != "pay/api" || len(f.Facts.Image.Tags) != 1 || f.Facts.Image.AquaLabels[0] != "team:pay" || f.Facts.Context.Namespace != "prod" || f.Facts.Context.Kind != "pull" || f.Facts.DTA.Status != "none" {
		t.Errorf("%+v", f.Facts)
	}
	// Asking leaves no trace.
	if known, err := s.Gate.Known(t.Context()); err != nil || len(known) != 0 {
		t.Errorf("known %v %v", known, err)
	}
	var raw struct {
		Images []struct {
			Facts map[string]json.RawMessage
		}
	}
	s.do(t, "GET", "/api/v1/facts?image=demo.test/pay/api:v1", nil, http.StatusOK, &raw)
	if raw.Images[0].Facts["summary"] == nil {
		t.Errorf("no input as rules read it: %v", raw)
	}
	s.do(t, "GET", "/api/v1/facts?image=demo.test/none:v1", nil, http.StatusNotFound, nil)
	s.do(t, "GET", "/api/v1/facts?image=", nil, http.StatusBadRequest, nil)
	// Where nothing can be run, an image does not wait.
	s.do(t, "PUT", "/api/v1/settings/dta", `{"enabled":false}`, http.StatusOK, nil)
	if a, err := s.client(t).Facts(t.Context(), "demo.test/pay/api:v1", policies.Context{}); err != nil || a.Images[0].Facts.DTA.Status != "skipped" {
		t.Errorf("%+v %v", a, err)
	}
}
