package sandbox

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func hosted(im observation.Image) observation.Image {
	im.Platform = image.Host()
	return im
}

func TestPlan(t *testing.T) {
	im := hosted(observation.Image{
		Entrypoint: []string{"/entry", "a"}, Cmd: []string{"b"}, User: "app", WorkingDir: "work/../srv",
		Env: []string{"A=1"}, Exposed: []string{"80/tcp", "53/udp", "8000-8002/tcp", "90"}, Volumes: []string{"/data/", "cache", "/"},
	})
	got, refused := makePlan(im, 1)
	if refused != nil {
		t.Fatal(refused.Reason)
	}
	want := &plan{
		args: []string{"/entry", "a", "b"}, env: []string{"A=1"}, user: "app", cwd: "/srv",
		volumes: []string{"/data", "/cache"}, ports: []uint16{80, 8000, 8001, 8002, 90},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestImagesThatCannotBeRun(t *testing.T) {
	runnable := hosted(observation.Image{Entrypoint: []string{"/bin/true"}})
	with := func(change func(*observation.Image)) observation.Image {
		im := runnable
		change(&im)
		return im
	}
	tests := map[string]struct {
		image   observation.Image
		layers  int
		verdict report.Conclusion
		reason  string
	}{
		"for another system":         {with(func(im *observation.Image) { im.Platform.OS = "windows" }), 1, report.Skipped, "windows"},
		"for another CPU":            {with(func(im *observation.Image) { im.Platform.Architecture = "s390x" }), 1, report.Skipped, "s390x"},
		"without layers":             {runnable, 0, report.Inconclusive, "no layers"},
		"with ten thousand layers":   {runnable, 10000, report.Inconclusive, "10000 layers"},
		"without entrypoint":         {hosted(observation.Image{}), 1, report.Inconclusive, "neither ENTRYPOINT nor CMD"},
		"with an empty entrypoint":   {hosted(observation.Image{Cmd: []string{""}}), 1, report.Inconclusive, "neither ENTRYPOINT nor CMD"},
		"with a zero in an argument": {with(func(im *observation.Image) { im.Cmd = []string{"a\x00b"} }), 1, report.Inconclusive, "zero byte"},
		"with a giant variable":      {with(func(im *observation.Image) { im.Env = []string{strings.Repeat("x", maxText+1)} }), 1, report.Inconclusive, "not plausible"},
		"with endless arguments":     {with(func(im *observation.Image) { im.Cmd = make([]string, maxArgs+1) }), 1, report.Inconclusive, "not plausible"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, refused := makePlan(test.image, test.layers)
			if refused == nil {
				t.Fatal("it would be run")
			}
			if refused.Verdict != test.verdict || !strings.Contains(refused.Reason, test.reason) {
				t.Errorf("%s because %q, want %s because of %q", refused.Verdict, refused.Reason, test.verdict, test.reason)
			}
		})
	}
}

func TestPlanIsBounded(t *testing.T) {
	im := hosted(observation.Image{Entrypoint: []string{"/x"}, Exposed: []string{"1-65535/tcp", "1-65535"}, Volumes: make([]string, 0)})
	for i := range 1000 {
		im.Volumes = append(im.Volumes, "/v"+strings.Repeat("i", i))
	}
	p, refused := makePlan(im, 1)
	if refused != nil {
		t.Fatal(refused.Reason)
	}
	if len(p.ports) != maxPorts || len(p.volumes) != maxPaths {
		t.Errorf("%d ports and %d volumes", len(p.ports), len(p.volumes))
	}
}

func FuzzExposed(f *testing.F) {
	for _, seed := range []string{"80/tcp", "80", "1-2/TCP", "53/udp", "0", "2-1", "-", "65536", "1-65535/tcp", "/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ports := exposed(s)
		if len(ports) > maxPorts || slices.Contains(ports, 0) {
			t.Errorf("%q gives %v", s, ports)
		}
	})
}

func TestEnvironment(t *testing.T) {
	got := environment([]string{"PATH=/x", "EMPTY="}, "PATH=/usr/bin", "HOME=/", "EMPTY=no", "HOME=/root")
	if want := []string{"PATH=/x", "EMPTY=", "HOME=/"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
