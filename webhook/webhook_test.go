package webhook_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/webhook"
	"github.com/sallyport-dev/sallyport/webhook/certs"
)

var quiet = slog.New(slog.DiscardHandler)

// world is a gate and its registries as a test arranges them: what the real
// ones cannot be made to do at will (fail, hang, change) is arranged here.
type world struct {
	mu       sync.Mutex
	requests []gate.Request
	resolved []string

	decide  func(ctx context.Context, req gate.Request) (gate.Decision, error)
	resolve func(ctx context.Context, ref image.Reference) (image.Reference, error)
}

func (w *world) Decide(ctx context.Context, req gate.Request) (gate.Decision, error) {
	return w.Await(ctx, req)
}

func (w *world) Await(ctx context.Context, req gate.Request) (gate.Decision, error) {
	w.mu.Lock()
	w.requests = append(w.requests, req)
	w.mu.Unlock()
	return w.decide(ctx, req)
}

func (w *world) Resolve(ctx context.Context, ref image.Reference) (image.Reference, error) {
	w.mu.Lock()
	w.resolved = append(w.resolved, ref.String())
	w.mu.Unlock()
	return w.resolve(ctx, ref)
}

const evil = digest.Digest("sha256:eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee")

// usual is a world in which registry.test/evil/shell is malicious,
// registry.test/new/app waits, and everything else is fine.
func usual() *world {
	return &world{
		resolve: func(_ context.Context, ref image.Reference) (image.Reference, error) {
			if strings.HasPrefix(ref.Repository, "evil/") {
				return ref.WithDigest(evil), nil
			}
			return ref.WithDigest(digest.FromString(ref.String())), nil
		},
		decide: func(_ context.Context, req gate.Request) (gate.Decision, error) {
			d := gate.Decision{ID: "01DECISION" + strings.ToUpper(req.Reference.Digest.Encoded()[:4]), Reference: req.Reference, Action: gate.Allow}
			switch {
			case req.Reference.Digest == evil:
				d.Action, d.Message = gate.Deny, "sallyport: denied by policy \"DTA\"; decision "+d.ID
			case req.Reference.Repository == "new/app":
				d.Action, d.Message = gate.Wait, "sallyport: "+req.Reference.Name()+" is being analysed: queued, position 2; try again in 30 s; decision "+d.ID
			}
			return d, nil
		},
	}
}

// cluster is an API server's side of the webhook: it trusts the CA bundle and
// nothing else.
type cluster struct {
	url    string
	client *http.Client
}

func connect(t *testing.T, w *world, metrics prometheus.Registerer) *cluster {
	t.Helper()
	return connectTo(t, w, w, metrics)
}

// connectTo serves the webhook over TLS with certificates of its own.
func connectTo(t *testing.T, g webhook.Gate, r webhook.Resolver, metrics prometheus.Registerer) *cluster {
	t.Helper()
	return connectWith(t, webhook.Config{Metrics: metrics}, g, r)
}

// connectWith is connectTo with settings, as far as they are not the same for all tests.
func connectWith(t *testing.T, cfg webhook.Config, g webhook.Gate, r webhook.Resolver) *cluster {
	t.Helper()
	gates := []string{"localhost:5000"}
	upstream := func(host string) bool { return host == "registry.test" || host == image.DockerHub }
	cfg.Cluster, cfg.Logger = "prod", quiet
	cfg.Behind = func(ref image.Reference) image.Reference { return ref.Behind(gates, upstream, image.DockerHub) }
	hook, err := webhook.New(cfg, g, r)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := certs.Open(t.Context(), certs.Config{Dir: t.TempDir(), Names: []string{"127.0.0.1"}, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", "127.0.0.1:0", authority.TLS())
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: hook.Handler(), ErrorLog: slog.NewLogLogger(quiet.Handler(), slog.LevelError)}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close(); <-ended })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Bundle())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &cluster{"https://" + ln.Addr().String(), &http.Client{Transport: transport}}
}

func (c *cluster) post(t *testing.T, query, contentType string, body []byte) (int, []byte) {
	t.Helper()
	resp, err := c.client.Post(c.url+path(query), contentType, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, b
}

// review posts a recorded review and checks what every answer must be.
func (c *cluster) review(t *testing.T, name, query string) *admissionv1.AdmissionResponse {
	t.Helper()
	recorded, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return c.ask(t, recorded, query)
}

func (c *cluster) ask(t *testing.T, recorded []byte, query string) *admissionv1.AdmissionResponse {
	t.Helper()
	var sent, got admissionv1.AdmissionReview
	if err := json.Unmarshal(recorded, &sent); err != nil {
		t.Fatal(err)
	}
	code, body := c.post(t, query, "application/json", recorded)
	if code != http.StatusOK {
		t.Fatalf("HTTP %d: %s", code, body)
	}
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if got.APIVersion != "admission.k8s.io/v1" || got.Kind != "AdmissionReview" || got.Request != nil || got.Response == nil || got.Response.UID != sent.Request.UID {
		t.Fatalf("not an answer to the review: %s", body)
	}
	return got.Response
}

func TestEveryKindIsJudged(t *testing.T) {
	c := connect(t, usual(), nil)
	for _, kind := range []string{"pod", "podtemplate", "replicationcontroller", "replicaset", "deployment", "statefulset", "daemonset", "job", "cronjob"} {
		t.Run(kind, func(t *testing.T) {
			if a := c.review(t, kind+"-benign", "?timeout=10s"); !a.Allowed || a.Result != nil {
				t.Errorf("the benign one is answered %+v", a)
			}
			a := c.review(t, kind+"-malicious", "?timeout=10s")
			if a.Allowed || a.Result == nil || a.Result.Code != http.StatusForbidden || a.Result.Reason != "Forbidden" || a.Result.Status != "Failure" {
				t.Fatalf("the malicious one is answered %+v", a)
			}
			for _, part := range []string{`policy "DTA"`, "sallyport image allow registry.test/evil/shell@" + evil.String() + " --comment", "decision 01DECISIONEEEE"} {
				if !strings.Contains(a.Result.Message, part) {
					t.Errorf("the message misses %q: %s", part, a.Result.Message)
				}
			}
			if a.AuditAnnotations["decisions"] != "deny:01DECISIONEEEE" {
				t.Errorf("audit annotations %v", a.AuditAnnotations)
			}
		})
	}
}

func TestWhatIsAskedOfTheGate(t *testing.T) {
	for _, test := range []struct {
		name    string // of the recorded review
		asked   []string
		allowed bool
	}{
		{"pod-init-container", []string{"registry.test/evil/shell:v1", "registry.test/shop/web:1.4.2"}, false},
		{"pod-sidecar", []string{"registry.test/evil/shell:v1", "registry.test/shop/web:1.4.2"}, false},
		{"pod-image-volume", []string{"registry.test/evil/shell:v1", "registry.test/shop/web:1.4.2"}, false},
		{"pod-ephemeral-container", []string{"registry.test/evil/shell:v1"}, false},
		{"pod-through-the-gate", []string{"registry.test/evil/shell:v1"}, false},
		{"pod-by-digest", []string{"registry.test/evil/shell"}, false},
		{"pod-same-image-four-times", []string{"docker.io/library/nginx:1.27"}, true},
		{"deployment-image-changed", []string{"registry.test/evil/shell:v1"}, false},
		{"deployment-other-container-changed", []string{"registry.test/shop/web:1.4.3"}, true},
		{"deployment-scaled-down", nil, true},
		{"deployment-annotated", nil, true},
		{"deployment-image-later", nil, true},
		{"deployment-scale", nil, true},
		{"pod-finalizer-removed", nil, true},
		{"pod-deleted", nil, true},
		{"pod-status", nil, true},
		{"rollout", nil, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := usual()
			a := connect(t, w, nil).review(t, test.name, "")
			if a.Allowed != test.allowed {
				t.Errorf("allowed %v, want %v: %v", a.Allowed, test.allowed, a.Result)
			}
			var asked []string
			for _, r := range w.requests {
				if r.Reference.Digest == "" {
					t.Errorf("asked without digest: %s", r.Reference)
				}
				name, _, _ := strings.Cut(r.Reference.String(), "@")
				asked = append(asked, name)
			}
			slices.Sort(asked)
			if !slices.Equal(asked, test.asked) {
				t.Errorf("asked about %q, want %q", asked, test.asked)
			}
			if warned := len(a.Warnings) > 0; warned != (test.name == "rollout") {
				t.Errorf("warnings %q", a.Warnings)
			}
		})
	}
}

func TestTheGateLearnsWhoAsksAboutWhat(t *testing.T) {
	w := usual()
	connect(t, w, nil).review(t, "pod-generated-name", "")
	if len(w.requests) != 1 {
		t.Fatalf("%d requests", len(w.requests))
	}
	r := w.requests[0]
	if r.Context.Kind != "admission" || r.Context.Cluster != "prod" || r.Context.Namespace != "shop" || r.Context.Labels["team"] != "payments" {
		t.Errorf("context %+v", r.Context)
	}
	if r.Client != "system:serviceaccount:kube-system:replicaset-controller" || !strings.Contains(r.Audit, "CREATE Pod shop/") || r.DryRun {
		t.Errorf("request %+v", r)
	}
}

func TestDryRunLeavesNoTrace(t *testing.T) {
	w := usual()
	a := connect(t, w, nil).review(t, "pod-dry-run", "")
	if a.Allowed || len(w.requests) != 1 || !w.requests[0].DryRun {
		t.Errorf("answer %+v to requests %+v", a, w.requests)
	}
}

func TestDigestsAreNotResolvedAgain(t *testing.T) {
	w := usual()
	connect(t, w, nil).review(t, "pod-by-digest", "")
	if len(w.resolved) != 0 {
		t.Errorf("resolved %q", w.resolved)
	}
}

func TestWaiting(t *testing.T) {
	a := connect(t, usual(), nil).review(t, "pod-not-analysed", "?timeout=5s")
	if a.Allowed || a.Result.Code != http.StatusTooManyRequests || a.Result.Details != nil {
		t.Fatalf("answer %+v", a)
	}
	for _, part := range []string{"registry.test/new/app", "queued, position 2", "again in 30 s", "decision 01DECISION"} {
		if !strings.Contains(a.Result.Message, part) {
			t.Errorf("the message misses %q: %s", part, a.Result.Message)
		}
	}
}

func TestPendingModeAllowAdmitsWithAWarning(t *testing.T) {
	w := usual()
	w.decide = func(_ context.Context, req gate.Request) (gate.Decision, error) {
		return gate.Decision{ID: "01W", Action: gate.Allow, Reference: req.Reference, Warnings: []string{"not analysed yet; policy \"DTA\" lets it pass meanwhile\n" + strings.Repeat("ü", 300)}}, nil
	}
	a := connect(t, w, nil).review(t, "pod-not-analysed", "")
	if !a.Allowed || len(a.Warnings) != 1 || !strings.HasPrefix(a.Warnings[0], "registry.test/new/app:v1: not analysed yet") {
		t.Fatalf("answer %+v", a)
	}
	if w := a.Warnings[0]; len(w) > 256 || strings.ContainsAny(w, "\n\r") || !strings.HasSuffix(w, "…") {
		t.Errorf("the warning has %d bytes: %q", len(w), w)
	}
}

func TestFaultsClose(t *testing.T) {
	for name, broken := range map[string]func(*world){
		"the gate fails": func(w *world) {
			w.decide = func(context.Context, gate.Request) (gate.Decision, error) {
				return gate.Decision{}, errors.New("storage is full")
			}
		},
		"the registry does not know the tag": func(w *world) {
			w.resolve = func(context.Context, image.Reference) (image.Reference, error) {
				return image.Reference{}, errors.New("MANIFEST_UNKNOWN")
			}
		},
		"the gate says nothing": func(w *world) {
			w.decide = func(context.Context, gate.Request) (gate.Decision, error) { return gate.Decision{}, nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := usual()
			broken(w)
			a := connect(t, w, nil).review(t, "pod-benign", "")
			if a.Allowed || a.Result.Code != http.StatusServiceUnavailable || !strings.Contains(a.Result.Message, "registry.test/shop/web:1.4.2") {
				t.Errorf("answer %+v", a)
			}
		})
	}
}

func TestADenialOutweighsAFaultAndAWait(t *testing.T) {
	w := usual()
	before := w.decide
	w.decide = func(ctx context.Context, req gate.Request) (gate.Decision, error) {
		if req.Reference.Repository == "shop/web" {
			return gate.Decision{}, errors.New("storage is full")
		}
		return before(ctx, req)
	}
	a := connect(t, w, nil).review(t, "pod-init-container", "")
	if a.Allowed || a.Result.Code != http.StatusForbidden || !strings.HasPrefix(a.Result.Message, "sallyport: denied") || !strings.Contains(a.Result.Message, "storage is full") {
		t.Errorf("answer %+v", a)
	}
}

func TestMalformedNameIsDenied(t *testing.T) {
	a := connect(t, usual(), nil).review(t, "pod-malformed-name", "")
	if a.Allowed || !strings.Contains(a.Result.Message, "registry.test/Upper/Case:v1") {
		t.Errorf("answer %+v", a)
	}
}

func TestAnswerComesASecondBeforeTheTimeout(t *testing.T) {
	for query, inner := range map[string]time.Duration{
		"?timeout=2s": time.Second, "?timeout=1s": 500 * time.Millisecond, "": 9 * time.Second,
		"?timeout=30s": 29 * time.Second, "?timeout=1h": 29 * time.Second, "?timeout=nonsense": 9 * time.Second,
	} {
		t.Run(query, func(t *testing.T) {
			w := usual()
			var left time.Duration
			w.decide = func(ctx context.Context, req gate.Request) (gate.Decision, error) {
				deadline, ok := ctx.Deadline()
				if !ok {
					t.Error("no deadline")
				}
				left = time.Until(deadline)
				if inner > time.Second {
					return gate.Decision{Action: gate.Allow}, nil
				}
				<-ctx.Done() // as Await does while an image is analysed
				return gate.Decision{ID: "01W", Action: gate.Wait, Reference: req.Reference, Message: "running for 40 s"}, nil
			}
			start := time.Now()
			a := connect(t, w, nil).review(t, "pod-benign", query)
			if left > inner || left <= 0 {
				t.Errorf("the gate was given %v, want %v", left, inner)
			}
			if inner > time.Second {
				return
			}
			if took := time.Since(start); took > inner+20*time.Second {
				t.Errorf("answered after %v", took)
			}
			if a.Allowed || !strings.Contains(a.Result.Message, "running for 40 s") {
				t.Errorf("answer %+v", a)
			}
		})
	}
}

func TestImagesAreJudgedInParallel(t *testing.T) {
	var containers []string
	for i := range 16 {
		containers = append(containers, fmt.Sprintf(`{"name":"c%d","image":"registry.test/many/app%d:v1"}`, i, i))
	}
	body := fmt.Sprintf(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","operation":"CREATE",
		"kind":{"group":"","version":"v1","kind":"Pod"},"object":{"spec":{"containers":[%s]}}}}`, strings.Join(containers, ","))
	w := usual()
	var together sync.WaitGroup
	together.Add(16)
	w.decide = func(ctx context.Context, req gate.Request) (gate.Decision, error) {
		together.Done()
		together.Wait() // returns only when all sixteen are asked at once
		return gate.Decision{ID: "01", Action: gate.Deny, Reference: req.Reference, Message: "because"}, nil
	}
	a := connect(t, w, nil).ask(t, []byte(body), "")
	if a.Allowed || !strings.HasSuffix(a.Result.Message, "and 11 more images") || strings.Count(a.Result.Message, "because") != 5 {
		t.Errorf("answer %+v", a)
	}
}

func TestMalformedReviews(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	c := connect(t, usual(), registry)
	good, err := os.ReadFile("testdata/pod-benign.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, contentType, body string
		code                    int
		says                    string
	}{
		{"nothing", "application/json", "", 400, "not an AdmissionReview"},
		{"not JSON", "application/json", "<xml/>", 400, "not an AdmissionReview"},
		{"cut off", "application/json", string(good[:len(good)/2]), 400, "not an AdmissionReview"},
		{"an answer instead of a request", "application/json", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"u","allowed":true}}`, 400, "no request"},
		{"the old version", "application/json", strings.Replace(string(good), "admission.k8s.io/v1", "admission.k8s.io/v1beta1", 1), 400, "admissionReviewVersions"},
		{"another document", "application/json", `{"apiVersion":"v1","kind":"Pod"}`, 400, "expected AdmissionReview"},
		{"no uid", "application/json", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"operation":"CREATE"}}`, 400, "uid"},
		{"no operation", "application/json", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u"}}`, 400, "operation"},
		{"a form", "application/x-www-form-urlencoded", "a=b", 415, "application/json"},
		{"no content type", "", string(good), 415, "application/json"},
		{"too large", "application/json", `{"pad":"` + strings.Repeat("x", 9<<20) + `"}`, 413, "larger than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			code, body := c.post(t, "", test.contentType, []byte(test.body))
			if code != test.code || !strings.Contains(string(body), test.says) {
				t.Errorf("HTTP %d %q, want %d with %q", code, body, test.code, test.says)
			}
		})
	}
	resp, err := c.client.Get(c.url + webhook.Path)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET is answered %d", resp.StatusCode)
	}
	if n := count(t, registry, "malformed"); n != 11 {
		t.Errorf("%v malformed reviews counted, want 11", n)
	}
}

// An object that cannot be read is a denial, not an HTTP error, which a
// configuration with failurePolicy Ignore would let pass.
func TestMalformedObjectsAreDenied(t *testing.T) {
	c := connect(t, usual(), nil)
	for name, object := range map[string]string{
		"containers is no list": `{"spec":{"containers":"evil"}}`,
		"an image is no string": `{"spec":{"containers":[{"image":{"a":1}}]}}`,
		"the object is a list":  `[]`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, op := range []string{`"CREATE","object":` + object, `"UPDATE","object":{},"oldObject":` + object} {
				a := c.ask(t, []byte(`{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","kind":{"group":"","version":"v1","kind":"Pod"},"operation":`+op+`}}`), "")
				if a.Allowed || a.Result.Code != http.StatusBadRequest || !strings.Contains(a.Result.Message, "Pod cannot be read") {
					t.Errorf("answer %+v", a)
				}
			}
		})
	}
}

func TestReviewsAreCounted(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	c := connect(t, usual(), registry)
	for _, name := range []string{"pod-malicious", "pod-benign", "pod-benign", "pod-not-analysed", "pod-deleted"} {
		c.review(t, name, "")
	}
	for result, want := range map[string]float64{"denied": 1, "allowed": 2, "waiting": 1, "skipped": 1, "fault": 0} {
		if got := count(t, registry, result); got != want {
			t.Errorf("%v reviews %s, want %v", got, result, want)
		}
	}
}

func count(t *testing.T, registry *prometheus.Registry, result string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "sallyport_webhook_reviews_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestAWebhookNeedsItsParts(t *testing.T) {
	if _, err := webhook.New(webhook.Config{}, nil, usual()); err == nil {
		t.Error("made without a gate")
	}
	if _, err := webhook.New(webhook.Config{}, usual(), nil); err == nil {
		t.Error("made without a resolver")
	}
}

// path is what tests ask: a query of the usual path, or a path with its query.
func path(query string) string {
	if strings.HasPrefix(query, "/") {
		return query
	}
	return webhook.Path + query
}
