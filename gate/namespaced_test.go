package gate_test

import (
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/label"
)

// TestPermissionsOfANamespace keeps permissions for namespaces beside the one
// for everywhere, and takes all of them back at once.
func TestPermissionsOfANamespace(t *testing.T) {
	w := newWorld(t, func() redis.UniversalClient { return redistest.Embedded(t) })
	target := label.Target{Registry: "registry.test", Repository: "a", Which: "1"}
	all := w.start().gate.Permissions()
	for _, p := range []gate.Permission{
		{Namespace: "shop"}, {Namespace: "prod"}, {}, {Namespace: "shop", Comment: "again"},
	} {
		p.Target, p.Action, p.Author = target, gate.Allow, "ada"
		if p.Comment == "" {
			p.Comment = "ticket"
		}
		if err := all.Set(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	list, err := all.List(t.Context())
	if err != nil || len(list) != 3 || list[0].Namespace != "" || list[1].Namespace != "prod" || list[2].Comment != "again" {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := all.Remove(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	if list, err := all.List(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	for what, p := range map[string]gate.Permission{
		"a block":        {Action: gate.Deny, Namespace: "shop"},
		"no namespace":   {Action: gate.Allow, Namespace: "../shop"},
		"a long ago one": {Action: gate.Allow, Namespace: "shop", Expires: time.Unix(1, 0)},
	} {
		p.Target, p.Comment, p.Author = target, "c", "ada"
		if err := all.Set(t.Context(), p); !errors.Is(err, gate.ErrPermission) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
