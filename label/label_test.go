package label_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/objects"
)

const d1 = "sha256:1111111111111111111111111111111111111111111111111111111111111111"

func ref(t *testing.T, s string) image.Reference {
	t.Helper()
	r, err := image.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func labels(t *testing.T, store *objects.Store, r redis.UniversalClient) *label.Labels {
	t.Helper()
	l, err := label.New(store, epoch.New(r))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLabelsOfAllTargetsCount(t *testing.T) {
	ctx := t.Context()
	l := labels(t, objects.New(inmemory.New()), redistest.Embedded(t))
	nginx := ref(t, "nginx:1.27")
	for _, add := range []struct {
		t    label.Target
		word string
	}{
		{label.Registry("index.docker.io"), "registry"},
		{label.Repository(nginx), "repository"},
		{label.Image(nginx), "DTA"},
		{label.Image(nginx.WithDigest(d1)), "digest"},
		{label.Image(nginx.WithDigest(d1)), "DTA"},
		{label.Image(ref(t, "nginx:1.26")), "other-tag"},
		{label.Repository(ref(t, "redis")), "other-repository"},
		{label.Registry("ghcr.io"), "other-registry"},
	} {
		if err := l.Add(ctx, add.t, add.word); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name  string
		image string
		which []string
		want  string
	}{
		{"by tag", "nginx:1.27", []string{"1.27"}, "DTA registry repository"},
		{"by tag and digest, each word once", "nginx:1.27", []string{"1.27", d1}, "DTA digest registry repository"},
		{"neither", "nginx:1.25", []string{"1.25"}, "registry repository"},
		{"no name at all", "nginx", nil, "registry repository"},
		{"another repository", "redis:7", []string{"7"}, "other-repository registry"},
		{"the same path in another registry", "ghcr.io/library/nginx:1.27", []string{"1.27"}, "other-registry"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := l.For(ctx, ref(t, test.image), test.which...)
			if err != nil || strings.Join(got, " ") != test.want {
				t.Errorf("For = %q, %v, want %q", got, err, test.want)
			}
		})
	}
	got, err := l.List(ctx, label.Image(nginx.WithDigest(d1)))
	if err != nil || !slices.Equal(got, []string{"DTA", "digest"}) {
		t.Errorf("List = %q, %v", got, err)
	}
	all, err := l.All(ctx)
	if err != nil || len(all) != 7 {
		t.Errorf("All = %v, %v", all, err)
	}
}

func TestChangesAreFeltAtOnceOnEveryReplica(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		driver := filesystem.New(filesystem.DriverParameters{RootDirectory: t.TempDir(), MaxThreads: 100})
		here, there := labels(t, objects.New(driver), connect()), labels(t, objects.New(driver), connect())
		target, name := label.Image(ref(t, "app:1")), ref(t, "app:1")
		expect := func(l *label.Labels, want string) {
			t.Helper()
			got, err := l.For(t.Context(), name, "1")
			if err != nil || strings.Join(got, " ") != want {
				t.Errorf("For = %q, %v, want %q", got, err, want)
			}
		}
		expect(there, "")
		for round := range 3 {
			word := fmt.Sprint("round", round)
			if err := here.Add(t.Context(), target, word, "DTA"); err != nil {
				t.Fatal(err)
			}
			expect(there, "DTA "+word)
			expect(here, "DTA "+word)
			if err := connect().FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			expect(there, "DTA "+word)
			if err := here.Remove(t.Context(), target, word, "DTA", "never"); err != nil {
				t.Fatal(err)
			}
			expect(there, "")
			expect(here, "")
		}
	})
}

func TestLabelsWithoutRedis(t *testing.T) {
	server := redistest.Start(t)
	driver := inmemory.New()
	here, there := labels(t, objects.New(driver), server.Client()), labels(t, objects.New(driver), server.Client())
	name := ref(t, "app:1")
	if _, err := there.For(t.Context(), name, "1"); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	if err := here.Add(t.Context(), label.Image(name), "DTA"); err != nil {
		t.Fatal(err)
	}
	got, err := there.For(t.Context(), name, "1")
	if err != nil || !slices.Equal(got, []string{"DTA"}) {
		t.Errorf("without Redis the labels are %q, %v", got, err)
	}
}

func TestBadLabelsAndTargets(t *testing.T) {
	l := labels(t, objects.New(inmemory.New()), redistest.Embedded(t))
	good := label.Registry("ghcr.io")
	for _, word := range []string{"", "a b", "a/b", "ä", "a\n", strings.Repeat("x", 129), "*"} {
		if err := l.Add(t.Context(), good, "fine", word); !errors.Is(err, label.ErrWord) {
			t.Errorf("label %q: %v, want ErrWord", word, err)
		}
	}
	if got, _ := l.List(t.Context(), good); len(got) != 0 {
		t.Errorf("a refused call left %q", got)
	}
	for _, word := range []string{"DTA", "team:payments", "a.b-c_d", strings.Repeat("x", 128)} {
		if err := l.Add(t.Context(), good, word); err != nil {
			t.Errorf("label %q: %v", word, err)
		}
	}
	for _, target := range []label.Target{
		{}, {Repository: "a"}, {Registry: "ghcr.io", Which: "1"}, {Registry: "GHCR.io"}, {Registry: "index.docker.io"},
		{Registry: "docker.io", Repository: "nginx"}, {Registry: "ghcr.io", Repository: "A"}, {Registry: "ghcr.io", Repository: "a", Which: "no tag"},
		{Registry: "ghcr.io", Repository: "a/../b"},
	} {
		if err := l.Add(t.Context(), target, "DTA"); !errors.Is(err, label.ErrTarget) {
			t.Errorf("target %+v: %v, want ErrTarget", target, err)
		}
	}
}

func TestTargetsAreWrittenAsPeopleDo(t *testing.T) {
	app := ref(t, "ghcr.io/a/b:1@"+d1)
	for want, target := range map[string]label.Target{
		"ghcr.io": label.Registry("GHCR.io"), "ghcr.io/a/b": label.Repository(app), "ghcr.io/a/b:1": label.Tag(app), "ghcr.io/a/b@" + d1: label.Image(app),
	} {
		if target.String() != want {
			t.Errorf("target %+v is written %s, want %s", target, target, want)
		}
	}
}
