package gate_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/internal/imagetest"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/report"
)

func TestPermissionsComeFirst(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		w := newWorld(t, connect)
		bad, good := w.content.AddImage(t, "bad", amd64), w.content.AddImage(t, "good", amd64)
		index := w.content.AddIndex(t, bad)
		w.sandbox.Conclusions[imagetest.Digest(bad)] = report.Malicious
		here, there := w.start(), w.start()
		here.await(tagged(index, "DTA"))
		here.expect(tagged(good, "1"), gate.Allow)
		set := func(d map[string]any, tag string, a gate.Action, expires time.Time) label.Target {
			t.Helper()
			target := label.Tag(tagged(d, tag).Reference)
			if tag == "" {
				target = label.Image(tagged(d, tag).Reference)
			}
			if err := here.gate.Permissions().Set(t.Context(), gate.Permission{Target: target, Action: a, Comment: "ticket\n42", Author: "ada", Expires: expires}); err != nil {
				t.Fatal(err)
			}
			return target
		}
		set(index, "DTA", gate.Allow, time.Now().Add(time.Hour))
		d := there.expect(tagged(index, "DTA"), gate.Allow)
		if !strings.Contains(d.Permission, "allowed by ada until ") || !strings.HasSuffix(d.Permission, ": ticket 42") || len(d.Warnings) != 1 {
			t.Errorf("decision %+v", d)
		}
		there.expect(tagged(bad, ""), gate.Allow) // its image, of the same tag
		there.skew.Store(int64(2 * time.Hour))
		there.expect(tagged(index, "DTA"), gate.Deny) // expired
		there.skew.Store(0)

		blocked := set(good, "", gate.Deny, time.Time{})
		if d := there.expect(tagged(good, "1"), gate.Deny); !strings.Contains(d.Message, " denied: registry.test/team/app@sha256:") || !strings.Contains(d.Message, "blocked by ada: ticket 42") {
			t.Errorf("message %q", d.Message)
		}
		set(good, "1", gate.Allow, time.Time{})
		there.expect(tagged(good, "1"), gate.Deny) // a block outweighs
		there.expect(tagged(w.content.AddIndex(t, good), "2"), gate.Deny)
		if err := there.gate.Permissions().Remove(t.Context(), blocked); err != nil {
			t.Fatal(err)
		}
		here.expect(tagged(good, "1"), gate.Allow)
		if list, err := here.gate.Permissions().List(t.Context()); err != nil || len(list) != 2 {
			t.Errorf("list %+v, %v", list, err)
		}
		// A hundred days later nobody asks any more who allowed it for an hour.
		there.skew.Store(int64(100 * 24 * time.Hour))
		later := gate.Permission{Target: blocked, Action: gate.Deny, Comment: "another", Author: "ada"}
		if err := there.gate.Permissions().Set(t.Context(), later); err != nil {
			t.Fatal(err)
		}
		list, err := here.gate.Permissions().List(t.Context())
		if err != nil || len(list) != 2 || !list[0].Expires.IsZero() || !list[1].Expires.IsZero() {
			t.Errorf("list %+v, %v", list, err)
		}
	})
}

func TestPermissionsThatCannotBeGiven(t *testing.T) {
	w := newWorld(t, embedded(t))
	r := w.start()
	good := gate.Permission{Target: label.Target{Registry: "registry.test", Repository: "a", Which: "1"}, Action: gate.Allow, Comment: "c", Author: "a"}
	for name, change := range map[string]func(*gate.Permission){
		"repository": func(p *gate.Permission) { p.Target.Which = "" },
		"action":     func(p *gate.Permission) { p.Action = gate.Wait },
		"comment":    func(p *gate.Permission) { p.Comment = " " },
		"author":     func(p *gate.Permission) { p.Author = "" },
		"expired":    func(p *gate.Permission) { p.Expires = time.Now().Add(-time.Hour) },
	} {
		p := good
		change(&p)
		if err := r.gate.Permissions().Set(t.Context(), p); !errors.Is(err, gate.ErrPermission) {
			t.Errorf("%s: %v, want ErrPermission", name, err)
		}
	}
	good.Target.Registry = "Registry.test"
	if err := r.gate.Permissions().Set(t.Context(), good); !errors.Is(err, label.ErrTarget) {
		t.Errorf("another spelling: %v, want ErrTarget", err)
	}
}
