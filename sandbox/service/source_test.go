package service_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/sandbox/service"
)

func TestWhatCannotBePulled(t *testing.T) {
	reg := newRegistry(t)
	tests := map[string]struct {
		change func(*protocol.RunRequest)
		want   []string
	}{
		"image that is not there":  {func(r *protocol.RunRequest) { *r = reg.request("none") }, []string{"samples.test/none", reg.host, "not there"}},
		"token that is refused":    {func(r *protocol.RunRequest) { r.Source.Token = "another" }, []string{"samples.test/ok", reg.host, "refused the token"}},
		"registry that is away":    {func(r *protocol.RunRequest) { r.Source.Registry = "127.0.0.1:1" }, []string{"samples.test/ok", "127.0.0.1:1"}},
		"other platform than said": {func(r *protocol.RunRequest) { r.Image.Platform.Architecture = "s390x" }, []string{"samples.test/ok", "it is for linux/", "s390x"}},
		"digest of a layer":        {func(r *protocol.RunRequest) { r.Image.Digest = "sha256:" + strings.Repeat("a", 64) }, []string{"samples.test/ok"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newService(t, newGated(), nil)
			req := reg.request("ok")
			test.change(&req)
			id := post(t, s, req).ID
			got := await(t, s, id, protocol.Failed)
			for _, want := range test.want {
				if !strings.Contains(got.Error, want) {
					t.Errorf("the error %q does not name %q", got.Error, want)
				}
			}
			if strings.Contains(got.Error, pullToken) {
				t.Error("the error tells the token")
			}
		})
	}
}

func TestRunsAreLimitedInTime(t *testing.T) {
	reg := newRegistry(t)
	g := newGated()
	s := newService(t, g, func(c *service.Config) { c.RunTimeout = 200 * time.Millisecond })
	id := post(t, s, reg.request("ok")).ID
	<-g.begin // and it is never released
	if got := await(t, s, id, protocol.Failed); !strings.Contains(got.Error, "not done within 200ms") {
		t.Errorf("the run ended as %+v", got)
	}
}
