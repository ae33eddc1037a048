package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/gatetest"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/webhook"
	"github.com/sallyport-dev/sallyport/webhook/workload"
)

// recorded reads a review and lets the test change it.
func recorded(t *testing.T, name string, change func(*admissionv1.AdmissionRequest, map[string]any)) []byte {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(raw, &review); err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(review.Request.Object.Raw, &object); err != nil {
		t.Fatal(err)
	}
	change(review.Request, object)
	if review.Request.Object.Raw, err = json.Marshal(object); err != nil {
		t.Fatal(err)
	}
	if raw, err = json.Marshal(review); err != nil {
		t.Fatal(err)
	}
	return raw
}

func annotate(object map[string]any, pairs ...string) {
	meta := object["metadata"].(map[string]any)
	all, _ := meta["annotations"].(map[string]any)
	if all == nil {
		all = map[string]any{}
		meta["annotations"] = all
	}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
}

func TestWhoIsExempt(t *testing.T) {
	for _, c := range []struct {
		name   string
		exempt webhook.Exempt
		passes bool
	}{
		{"nobody", webhook.Exempt{}, false},
		{"the namespace", webhook.Exempt{Namespaces: []string{"kube-system", "shop"}}, true},
		{"a pattern of namespaces", webhook.Exempt{Namespaces: []string{"sh*"}}, true},
		{"another namespace", webhook.Exempt{Namespaces: []string{"shop-*", "sho"}}, false},
		{"the user", webhook.Exempt{Users: []string{"kubernetes-*"}}, true},
		{"the group", webhook.Exempt{Groups: []string{"kubeadm:cluster-admins"}}, true},
		{"a service account is another user", webhook.Exempt{ServiceAccounts: []string{"*/kubernetes-admin"}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual()
			a := connectWith(t, webhook.Config{Exempt: c.exempt}, w, w).review(t, "pod-malicious", "")
			if a.Allowed != c.passes || c.passes && len(w.requests) > 0 {
				t.Errorf("allowed %v after %d questions", a.Allowed, len(w.requests))
			}
		})
	}
	t.Run("the service account", func(t *testing.T) {
		w := usual()
		body := recorded(t, "pod-malicious", func(r *admissionv1.AdmissionRequest, _ map[string]any) {
			r.UserInfo.Username = "system:serviceaccount:ci:deployer"
		})
		if a := connectWith(t, webhook.Config{Exempt: webhook.Exempt{ServiceAccounts: []string{"ci/deploy*"}}}, w, w).ask(t, body, ""); !a.Allowed {
			t.Errorf("answer %+v", a)
		}
	})
}

func TestSettingsThatCannotWork(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  webhook.Config
		says string
	}{
		{"everybody's controllers exempt", webhook.Config{Exempt: webhook.Exempt{ServiceAccounts: []string{"kube-system/*"}}}, "makes the pods of everybody's workloads"},
		{"all service accounts exempt", webhook.Config{Exempt: webhook.Exempt{Groups: []string{"system:serviceaccounts"}}}, "no pod would be judged"},
		{"a damaged pattern", webhook.Config{Exempt: webhook.Exempt{Namespaces: []string{"[a"}}}, `exempt.namespaces: "[a" is no pattern`},
		{"rules for nowhere", webhook.Config{Namespaces: []webhook.Namespace{{Mode: webhook.Audit}}}, "namespaces[0].names: is empty"},
		{"an unknown mode", webhook.Config{Namespaces: []webhook.Namespace{{Names: []string{"a"}, Mode: "dry"}}}, `"dry" is neither enforce nor audit`},
		{"an unknown pending", webhook.Config{Namespaces: []webhook.Namespace{{Names: []string{"a"}, Pending: "deny"}}}, `"deny" is none of hold, block, allow`},
		{"an unknown mutation", webhook.Config{Mutate: "pin"}, `"pin" is none of off, digest, gate`},
		{"no name of the gate", webhook.Config{Mutate: webhook.MutateGate, Gate: "elsewhere.test:5000"}, "list it in proxy.names"},
		{"a malformed path", webhook.Config{Kinds: []workload.Kind{{Group: "a.test", Kind: "A", Paths: []string{"spec..template"}}}}, `the path "spec..template" is not understood`},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := usual()
			if _, err := webhook.New(c.cfg, w, w); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want %q", err, c.says)
			}
		})
	}
}

func TestCustomKindsAreJudged(t *testing.T) {
	w := usual()
	cfg := webhook.Config{Kinds: []workload.Kind{{Group: "argoproj.io", Kind: "Rollout", Paths: []string{"spec.template"}}}}
	a := connectWith(t, cfg, w, w).review(t, "rollout", "")
	if a.Allowed || len(w.requests) != 1 || w.requests[0].Context.Labels["app"] != "web" {
		t.Errorf("answer %+v to %+v", a, w.requests)
	}
	a = connect(t, w, nil).review(t, "rollout", "")
	if !a.Allowed || len(a.Warnings) != 1 || a.Warnings[0] != "sallyport: the kind Rollout is not in webhook.kinds (path spec.template): images are judged when its pods are made" {
		t.Errorf("answer %+v", a)
	}
}

// TestAWarningKeepsTheDecision: the API server cuts warnings at 256 bytes; all of
// it can be read by the decision's id, and is in the event.
func TestAWarningKeepsTheDecision(t *testing.T) {
	const id = "01M8B63A7VEXP8EMTP4JRJXBPF"
	w, told := usual(), new(told)
	w.decide = func(_ context.Context, req gate.Request) (gate.Decision, error) {
		return gate.Decision{ID: id, Action: gate.Deny, Reference: req.Reference, Message: "sallyport: " + strings.Repeat("reason ", 40) + "; decision " + id}, nil
	}
	a := connectWith(t, webhook.Config{Events: told}, w, w).review(t, "pod-malicious", webhook.AuditPath)
	if len(a.Warnings) != 1 || len(a.Warnings[0]) > 256 || !strings.HasPrefix(a.Warnings[0], "sallyport would deny: reason ") || !strings.HasSuffix(a.Warnings[0], "…; decision "+id) {
		t.Errorf("warnings %q", a.Warnings)
	}
	if len(told.all) != 1 || strings.Count(told.all[0].Note, "reason ") != 40 || !strings.Contains(told.all[0].Note, "sallyport image allow registry.test/evil/shell@") {
		t.Errorf("events %+v", told.all)
	}
}

func TestAuditAdmitsAndSaysWhatItWouldHaveDone(t *testing.T) {
	for name, ask := range map[string]struct {
		cfg   webhook.Config
		query string
	}{
		"the path":      {webhook.Config{}, webhook.AuditPath + "?timeout=5s"},
		"the mode":      {webhook.Config{}, "?mode=audit"},
		"the namespace": {webhook.Config{Namespaces: []webhook.Namespace{{Names: []string{"prod"}}, {Names: []string{"sh*"}, Mode: webhook.Audit}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, told := usual(), new(told)
			ask.cfg.Events = told
			c := connectWith(t, ask.cfg, w, w)
			for _, review := range []string{"pod-malicious", "pod-not-analysed", "pod-malformed-name"} {
				a := c.review(t, review, ask.query)
				if !a.Allowed || a.Result != nil || len(a.Warnings) != 1 || !strings.HasPrefix(a.Warnings[0], "sallyport would deny: ") || len(a.Warnings[0]) > 256 {
					t.Errorf("%s: answer %+v", review, a)
				}
				if review != "pod-malformed-name" && a.AuditAnnotations["mode"] != "audit" {
					t.Errorf("%s: audit annotations %v", review, a.AuditAnnotations)
				}
			}
			if len(told.all) != 3 || told.all[0].Reason != webhook.EventAudit || told.all[0].Action != "Admit" {
				t.Errorf("events %+v", told.all)
			}
		})
	}
}

func TestStaticPodsOfNodesAreAudited(t *testing.T) {
	mirror := func(groups ...string) []byte {
		return recorded(t, "pod-malicious", func(r *admissionv1.AdmissionRequest, o map[string]any) {
			r.UserInfo = authenticationv1.UserInfo{Username: "system:node:n1", Groups: groups}
			annotate(o, "kubernetes.io/config.mirror", "f00")
		})
	}
	c := connect(t, usual(), nil)
	if a := c.ask(t, mirror("system:nodes"), ""); !a.Allowed || len(a.Warnings) != 1 {
		t.Errorf("of a node: %+v", a)
	}
	if a := c.ask(t, mirror("developers"), ""); a.Allowed {
		t.Errorf("of somebody who says so: %+v", a)
	}
}

// TestPendingOfANamespace asks a real gate, whose policy holds.
func TestPendingOfANamespace(t *testing.T) {
	w := gatetest.Start(t)
	w.Push(t, "registry.test/new/app:v1", report.Clean)
	if err := w.Labels.Add(t.Context(), label.Registry("registry.test"), "DTA"); err != nil {
		t.Fatal(err)
	}
	hold := make(chan struct{})
	w.Sandbox.Do(func() { w.Sandbox.Hold = hold })
	defer close(hold)
	for pending, want := range map[policies.Pending]struct {
		allowed bool
		code    int32
		says    string
	}{
		policies.PendingAllow: {true, 0, "not analysed yet"},
		policies.PendingBlock: {false, http.StatusForbidden, "not analysed yet"},
		policies.PendingHold:  {false, http.StatusTooManyRequests, "is being analysed"},
		"":                    {false, http.StatusTooManyRequests, "is being analysed"},
	} {
		t.Run("pending "+string(pending), func(t *testing.T) {
			cfg := webhook.Config{Namespaces: []webhook.Namespace{{Names: []string{"*"}, Pending: pending}}}
			a := connectWith(t, cfg, w.Gate, w).review(t, "pod-not-analysed", "?timeout=2s")
			said := strings.Join(a.Warnings, " ")
			if a.Result != nil {
				said = a.Result.Message
				if a.Result.Code != want.code {
					t.Errorf("code %d", a.Result.Code)
				}
			}
			if a.Allowed != want.allowed || !strings.Contains(said, want.says) {
				t.Errorf("allowed %v, said %q", a.Allowed, said)
			}
		})
	}
}

// told keeps Events.
type told struct {
	mu  sync.Mutex
	all []webhook.Event
}

func (t *told) Report(e webhook.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, e)
}

func TestEventsAreOnTheOwner(t *testing.T) {
	w, told := usual(), new(told)
	c := connectWith(t, webhook.Config{Events: told}, w, w)
	c.ask(t, recorded(t, "pod-malicious", func(_ *admissionv1.AdmissionRequest, o map[string]any) {
		o["metadata"].(map[string]any)["ownerReferences"] = []any{map[string]any{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7", "uid": "u7", "controller": true}}
	}), "")
	c.review(t, "deployment-malicious", "")
	c.review(t, "pod-not-analysed", "?timeout=1s")
	c.review(t, "pod-benign", "")
	c.review(t, "pod-dry-run", "")
	if len(told.all) != 3 {
		t.Fatalf("%d events: %+v", len(told.all), told.all)
	}
	for i, want := range []struct{ api, kind, name, reason string }{
		{"apps/v1", "ReplicaSet", "web-7", webhook.EventDenied},
		{"apps/v1", "Deployment", "web", webhook.EventDenied},
		{"v1", "Pod", "web", webhook.EventWaiting},
	} {
		e := told.all[i]
		if e.Object.APIVersion != want.api || e.Object.Kind != want.kind || e.Object.Name != want.name || e.Reason != want.reason ||
			e.Object.Namespace != "shop" || !e.Warning || e.Action != "Deny" || !strings.HasPrefix(e.Note, "sallyport: ") {
			t.Errorf("event %d: %+v", i, e)
		}
	}
}

// rights are what the cluster says of users.
type rights struct {
	may map[string]bool
	err error
}

func (r rights) MayBreakGlass(_ context.Context, u authenticationv1.UserInfo, namespace string) (bool, string, error) {
	return r.may[u.Username+" "+namespace], "", r.err
}

func TestBreakGlass(t *testing.T) {
	w := gatetest.Start(t)
	evil := w.Push(t, "registry.test/evil/shell:v1", report.Malicious)
	if err := w.Labels.Add(t.Context(), label.Registry("registry.test"), "DTA"); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	told := new(told)
	cfg := webhook.Config{
		BreakGlass: time.Hour, Permissions: w.Gate.Permissions(), Events: told, Clock: func() time.Time { return now },
		Authorizer: rights{may: map[string]bool{"kubernetes-admin shop": true}},
	}
	c := connectWith(t, cfg, w.Gate, w)
	with := func(pairs ...string) func(*admissionv1.AdmissionRequest, map[string]any) {
		return func(_ *admissionv1.AdmissionRequest, o map[string]any) { annotate(o, pairs...) }
	}
	by := func(user, namespace string, pairs ...string) func(*admissionv1.AdmissionRequest, map[string]any) {
		return func(r *admissionv1.AdmissionRequest, o map[string]any) {
			r.UserInfo.Username, r.Namespace = user, namespace
			if len(pairs) > 0 {
				annotate(o, pairs...)
			}
		}
	}
	refused := func(name string, change func(*admissionv1.AdmissionRequest, map[string]any), says string) {
		t.Helper()
		a := c.ask(t, recorded(t, "pod-malicious", change), "?timeout=30s")
		if a.Allowed || !strings.Contains(a.Result.Message, says) || !strings.Contains(a.Result.Message, "decision ") {
			t.Errorf("%s: %+v", name, a.Result)
		}
	}
	refused("nobody asks for it", with(), "control dta")
	refused("no reason", with(webhook.BreakGlass, "INC-1"), "break-glass refused: the annotation sallyport.dev/break-glass must hold a ticket and a reason")
	refused("not permitted", by("mallory", "shop", webhook.BreakGlass, "INC-1 it burns"), `break-glass refused: user "mallory" may not break-glass images.sallyport.dev in namespace "shop"`)
	refused("permitted elsewhere", by("kubernetes-admin", "prod", webhook.BreakGlass, "INC-1 it burns"), `in namespace "prod"`)
	refused("ended", with(webhook.BreakGlass, "INC-1 it burns", webhook.BreakGlassUntil, now.Add(-time.Minute).Format(time.RFC3339)), "break-glass refused: it ended at")
	refused("no time", with(webhook.BreakGlass, "INC-1 it burns", webhook.BreakGlassUntil, "tomorrow"), "must hold a time like")
	if list, err := w.Gate.Permissions().List(t.Context()); err != nil || len(list) != 0 {
		t.Fatalf("something was opened: %+v, %v", list, err)
	}

	body := recorded(t, "deployment-malicious", with(webhook.BreakGlass, "INC-1 it burns", webhook.BreakGlassUntil, now.Add(10*time.Minute).UTC().Format(time.RFC3339)))
	a := c.ask(t, body, "")
	if !a.Allowed || !strings.HasPrefix(a.Warnings[0], "sallyport: BREAK-GLASS INC-1: admitted although not allowed; ends ") || !strings.HasPrefix(a.AuditAnnotations["break-glass"], "INC-1 until ") {
		t.Fatalf("answer %+v", a)
	}
	_, id, _ := strings.Cut(a.AuditAnnotations["decisions"], ":")
	if d, err := w.Gate.Record(t.Context(), id); err != nil || d.Decision.Action != gate.Allow || !strings.Contains(d.Decision.Permission, "by kubernetes-admin in namespace shop until ") || !strings.Contains(d.Decision.Permission, "INC-1 it burns") {
		t.Errorf("decision %+v, %v", d, err)
	}
	if i := slices.IndexFunc(told.all, func(e webhook.Event) bool { return e.Reason == webhook.EventBreakGlass }); i < 0 || told.all[i].Note != "INC-1: kubernetes-admin let pass: registry.test/evil/shell:v1" {
		t.Errorf("events %+v", told.all)
	}

	// What its controller makes passes, until it ends; elsewhere nothing does.
	controller := func(namespace string) []byte {
		return recorded(t, "pod-malicious", by("system:serviceaccount:kube-system:replicaset-controller", namespace))
	}
	if a := c.ask(t, controller("shop"), ""); !a.Allowed || !strings.Contains(strings.Join(a.Warnings, " "), "not judged") {
		t.Errorf("the controller's pod: %+v", a)
	}
	if a := c.ask(t, controller("prod"), ""); a.Allowed {
		t.Errorf("a pod of another namespace: %+v", a)
	}
	ref := image.Reference{Registry: "registry.test", Repository: "evil/shell", Digest: evil}
	for kind, want := range map[string]gate.Action{"pull": gate.Allow, "ci": gate.Deny} {
		if d, err := w.Gate.Decide(t.Context(), gate.Request{Reference: ref, Context: policies.Context{Kind: kind}}); err != nil || d.Action != want {
			t.Errorf("asked as %s: %+v, %v", kind, d, err)
		}
	}

	// A person's word against it stands.
	if err := w.Gate.Permissions().Set(t.Context(), gate.Permission{Target: label.Image(ref), Action: gate.Deny, Comment: "worm", Author: "ada"}); err != nil {
		t.Fatal(err)
	}
	refusedNow := c.ask(t, body, "")
	if refusedNow.Allowed || !strings.Contains(refusedNow.Result.Message, "blocked by ada") {
		t.Errorf("a blocked image: %+v", refusedNow)
	}
	if err := w.Gate.Permissions().Remove(t.Context(), label.Image(ref)); err != nil {
		t.Fatal(err)
	}
	if a := c.ask(t, controller("shop"), ""); a.Allowed {
		t.Errorf("after it was taken back: %+v", a)
	}
}

func TestBreakGlassWithoutTrace(t *testing.T) {
	for name, cfg := range map[string]webhook.Config{
		"switched off":                  {Authorizer: rights{}, Permissions: new(gate.Permissions)},
		"without a cluster":             {BreakGlass: time.Hour, Permissions: new(gate.Permissions)},
		"the cluster cannot be reached": {BreakGlass: time.Hour, Permissions: new(gate.Permissions), Authorizer: rights{err: errors.New("timeout")}},
	} {
		t.Run(name, func(t *testing.T) {
			w := usual()
			body := recorded(t, "pod-malicious", func(_ *admissionv1.AdmissionRequest, o map[string]any) {
				annotate(o, webhook.BreakGlass, "INC-1 it burns")
			})
			a := connectWith(t, cfg, w, w).ask(t, body, "")
			if a.Allowed || !strings.Contains(a.Result.Message, "break-glass refused: ") {
				t.Errorf("answer %+v", a)
			}
		})
	}
}
