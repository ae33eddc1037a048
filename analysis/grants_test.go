package analysis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/objects"
)

func grants(t testing.TB, store *objects.Store) *analysis.Grants {
	t.Helper()
	g, err := analysis.NewGrants(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

var granted = image.Reference{Registry: "ghcr.io", Repository: "a/b", Digest: digest.FromString("app")}

func TestGrantsOpenOneImageForAWhile(t *testing.T) {
	store := objects.New(inmemory.New())
	g, replica := grants(t, store), grants(t, store)
	tagged := granted
	tagged.Tag = "1"
	token, err := g.Mint(tagged, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for name, knows := range map[string]*analysis.Grants{"who made it": g, "another replica": replica} {
		if ref, ok := knows.Check(token); !ok || ref != granted {
			t.Errorf("%s: the token opens %s, %v, want %s", name, ref, ok, granted)
		}
	}
	if _, ok := grants(t, objects.New(inmemory.New())).Check(token); ok {
		t.Error("another installation accepts the token")
	}
	g.SetClock(func() time.Time { return time.Now().Add(2 * time.Minute) })
	if _, ok := g.Check(token); ok {
		t.Error("an expired token opens something")
	}
	if _, err := g.Mint(image.Reference{Registry: "ghcr.io", Repository: "a", Tag: "1"}, time.Minute); err == nil {
		t.Error("a token without digest was made")
	}
}

func TestForgedGrantsOpenNothing(t *testing.T) {
	g := grants(t, objects.New(inmemory.New()))
	token, err := g.Mint(granted, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for i := range token {
		for _, c := range []byte{'A', 'z', '.', '_', 0} {
			forged := token[:i] + string(c) + token[i+1:]
			if forged == token {
				continue
			}
			if ref, ok := g.Check(forged); ok {
				t.Fatalf("%q opens %s", forged, ref)
			}
		}
	}
	for _, forged := range []string{"", ".", "spg1.", "spg1..", token + "A", token[:len(token)-1], strings.Repeat("a", 10_000), "spg1." + token, " " + token} {
		if _, ok := g.Check(forged); ok {
			t.Errorf("%q opens something", forged)
		}
	}
}

func FuzzGrant(f *testing.F) {
	g := grants(f, objects.New(inmemory.New()))
	token, err := g.Mint(granted, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add("spg1.e30.AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		if _, ok := g.Check(s); ok && s != token {
			t.Fatalf("%q opens something", s)
		}
	})
}
