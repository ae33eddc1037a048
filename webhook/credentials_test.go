package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	admissionv1 "k8s.io/api/admission/v1"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/webhook"
)

type shownKey struct{}

var errRefused = errors.New("401 Unauthorized")

// private is a registry that shows its images to some users only, and what the
// cluster's pods know of it. What is asked without credentials is the gate's own.
type private struct {
	*world
	opens   map[string]bool // users, "" for the gate
	pods    map[string][]string
	fault   error // of reading secrets
	wanted  []webhook.Pod
	fetched []string
}

func user(ctx context.Context) string { u, _ := ctx.Value(shownKey{}).(string); return u }

func (p *private) Of(_ context.Context, pod webhook.Pod, _ image.Reference) ([]authn.AuthConfig, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = append(p.wanted, pod)
	var all []authn.AuthConfig
	for _, u := range p.pods[pod.Namespace+"/"+strings.Join(pod.PullSecrets, "+")] {
		all = append(all, authn.AuthConfig{Username: u})
	}
	return all, p.fault
}

func (p *private) TakesCredentials(registry string) bool { return registry == "registry.test" }

func (p *private) With(ctx context.Context, auth authn.AuthConfig) context.Context {
	return context.WithValue(ctx, shownKey{}, auth.Username)
}

func (p *private) Refused(err error) bool { return errors.Is(err, errRefused) }

func (p *private) Fetch(ctx context.Context, ref image.Reference) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fetched = append(p.fetched, user(ctx)+" "+ref.Name())
}

func (p *private) Resolve(ctx context.Context, ref image.Reference) (image.Reference, error) {
	p.mu.Lock()
	p.resolved = append(p.resolved, user(ctx))
	p.mu.Unlock()
	if !p.opens[user(ctx)] {
		return image.Reference{}, fmt.Errorf("registry.test: %w", errRefused)
	}
	if ref.Digest != "" {
		return ref, nil
	}
	return ref.WithDigest(evil), nil
}

// Decide tells with whose credentials it was asked.
func (p *private) Decide(ctx context.Context, req gate.Request) (gate.Decision, error) {
	d := gate.Decision{ID: "01" + user(ctx), Action: gate.Allow, Reference: req.Reference}
	if req.Reference.Repository == "new/app" {
		d.Action, d.Message = gate.Wait, "waits"
	}
	return d, nil
}

func (p *private) Await(ctx context.Context, req gate.Request) (gate.Decision, error) {
	return p.Decide(ctx, req)
}

func TestPodsOwnCredentialsComeFirst(t *testing.T) {
	for _, c := range []struct {
		name     string
		secrets  []string
		pods     map[string][]string
		opens    map[string]bool
		review   string
		resolved []string // as whom
		asked    string   // the gate, as whom; "-" for never
	}{
		{"the pod's secret opens it", []string{"own"}, map[string][]string{"shop/own": {"alice"}}, map[string]bool{"alice": true}, "pod-malicious", []string{"alice"}, "alice"},
		{"one after the other", []string{"a", "b"}, map[string][]string{"shop/a+b": {"bob", "alice"}}, map[string]bool{"alice": true}, "pod-malicious", []string{"bob", "alice"}, "alice"},
		{"of the service account", nil, map[string][]string{"shop/": {"alice"}}, map[string]bool{"alice": true}, "pod-malicious", []string{"alice"}, "alice"},
		{"then the gate's own", []string{"own"}, map[string][]string{"shop/own": {"bob"}}, map[string]bool{"": true}, "pod-malicious", []string{"bob", ""}, ""},
		{"none", nil, nil, map[string]bool{"": true}, "pod-malicious", []string{""}, ""},
		{"nobody's", []string{"own"}, map[string][]string{"shop/own": {"bob"}}, nil, "pod-malicious", []string{"bob", ""}, "-"},
		{"another namespace's are not tried", []string{"own"}, map[string][]string{"prod/own": {"alice"}}, map[string]bool{"alice": true}, "pod-malicious", []string{""}, "-"},
		{"a digest is shown to who may see it", []string{"own"}, map[string][]string{"shop/own": {"alice"}}, map[string]bool{"alice": true}, "pod-by-digest", []string{"alice"}, "alice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &private{world: usual(), opens: c.opens, pods: c.pods}
			body := recorded(t, c.review, func(_ *admissionv1.AdmissionRequest, o map[string]any) {
				var secrets []any
				for _, s := range c.secrets {
					secrets = append(secrets, map[string]any{"name": s})
				}
				o["spec"].(map[string]any)["imagePullSecrets"] = secrets
				o["spec"].(map[string]any)["serviceAccountName"] = "runner"
			})
			a := connectWith(t, webhook.Config{Registries: p, Credentials: p}, p, p).ask(t, body, "")
			if !slices.Equal(p.resolved, c.resolved) {
				t.Errorf("resolved as %q, want %q", p.resolved, c.resolved)
			}
			if c.asked == "-" {
				if a.Allowed || a.Result.Code != http.StatusServiceUnavailable {
					t.Errorf("answer %+v", a)
				}
			} else if a.AuditAnnotations["decisions"] != "allow:01"+c.asked {
				t.Errorf("the gate was asked as another: %v %v", a.AuditAnnotations, a.Result)
			}
			if len(p.wanted) != 1 || p.wanted[0].Namespace != "shop" || p.wanted[0].ServiceAccount != "runner" || !slices.Equal(p.wanted[0].PullSecrets, c.secrets) {
				t.Errorf("credentials were looked up for %+v", p.wanted)
			}
		})
	}
}

func TestImagesThatWaitAreFetchedWithThePodsCredentials(t *testing.T) {
	p := &private{world: usual(), opens: map[string]bool{"alice": true}, pods: map[string][]string{"shop/": {"alice"}}}
	c := connectWith(t, webhook.Config{Registries: p, Credentials: p}, p, p)
	if a := c.review(t, "pod-not-analysed", ""); a.Allowed || !slices.Equal(p.fetched, []string{"alice registry.test/new/app"}) {
		t.Errorf("fetched %q, answer %+v", p.fetched, a)
	}
	if c.review(t, "pod-dry-run", ""); len(p.fetched) != 1 {
		t.Errorf("a dry run fetched %q", p.fetched)
	}
}

func TestSecretsThatCannotBeRead(t *testing.T) {
	p := &private{world: usual(), fault: errors.New("the gate's service account may not read the secret shop/own")}
	c := connectWith(t, webhook.Config{Registries: p, Credentials: p}, p, p)
	if a := c.review(t, "pod-malicious", ""); a.Allowed || !strings.Contains(a.Result.Message, "401 Unauthorized (the pod's own pull secrets were not tried: the gate's service account may not read the secret shop/own)") {
		t.Errorf("answer %+v", a.Result)
	}
	p.opens = map[string]bool{"": true} // they were not needed
	if a := c.review(t, "pod-malicious", ""); !a.Allowed {
		t.Errorf("answer %+v", a)
	}
}
