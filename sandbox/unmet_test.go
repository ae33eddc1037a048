package sandbox

import (
	"slices"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func TestUnmetDownloads(t *testing.T) {
	got := unmet([]observation.HTTP{
		{Method: "GET", Host: "a.example", Port: 80, Path: "/x.sh", Status: 200, Payload: "script"},
		{Method: "GET", Host: "a.example", Port: 80, Path: "/x.sh", Status: 200, Payload: "script"},
		{Method: "GET", Host: "a.example", Port: 8443, TLS: true, Path: "/bot", Status: 200, Payload: "elf"},
		{Method: "GET", Host: "2001:db8::1", Port: 80, Path: "/y.tar.gz?z", Status: 404},
		{Method: "GET", Host: "2001:db8::1", Port: 81, Path: "/Z.ZIP", Status: 404},
		{Method: "GET", Host: "a.example", Port: 80, Path: "/page", Status: 404},
		{Method: "GET", Host: "a.example", Port: 80, Path: "/recorded.tgz", Status: 200, Source: "recording"},
		{Method: "HEAD", Host: "a.example", Port: 80, Path: "/only-asked.tgz", Status: 404},
		{Method: "GET", Host: "own", Port: 80, Path: "/x.tgz", Status: 404, Inbound: true},
	})
	want := []string{"http://a.example/x.sh", "https://a.example:8443/bot", "http://[2001:db8::1]/y.tar.gz?z", "http://[2001:db8::1]:81/Z.ZIP"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
