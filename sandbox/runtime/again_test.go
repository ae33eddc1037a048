package runtime_test

import (
	"os"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// TestASecondRunOnWhatTheFirstLeft: as a container that is started again.
func TestASecondRunOnWhatTheFirstLeft(t *testing.T) {
	injected := []runtime.File{
		{Path: "/etc/kept", Content: []byte("old"), Mode: 0o644},
		{Path: "/etc/altered", Content: []byte("old"), Mode: 0o644},
		{Path: "/etc/removed", Content: []byte("old"), Mode: 0o644},
	}
	first := newSpec(t, "sh", "-c", `set -e
		echo guest >/etc/altered; rm /etc/removed /etc/hostname
		mkdir -p /srv/deep/er; echo deep >/srv/deep/er/file; busybox ln /srv/deep/er/file /srv/hard; busybox ln -s deep/er /srv/soft
		busybox mkfifo /srv/pipe
		busybox rm -r /odd; mkdir /odd; echo mine >/odd/new
		busybox cp /bin/guest /bin/planted; busybox rm /bin/script; busybox cp /bin/nothing /bin/script`)
	first.Files = injected
	one := run(t, first)
	if one.Exit == nil || *one.Exit != (event.Status{}) {
		t.Fatalf("the first run: %+v, stderr %q", one.Exit, one.Stderr)
	}
	again := func(t *testing.T, args ...string) *seen {
		t.Helper()
		spec := newSpec(t, args...)
		spec.Layer = &runtime.Layer{Path: one.diff, Injected: injected}
		for _, f := range injected {
			f.Content = []byte("new")
			spec.Files = append(spec.Files, f)
		}
		return run(t, spec)
	}
	s := again(t, "sh", "-c", `cat /etc/kept; echo; cat /etc/altered
		busybox test -e /etc/removed || echo "removed stays removed"
		busybox test -e /etc/hostname || echo "so does the image's"
		cat /srv/hard /srv/soft/file; busybox test -p /srv/pipe && echo pipe
		busybox stat -c %h /srv/hard; busybox ls /odd; busybox stat -c %a /tmp /root`)
	want := "new\nguest\nremoved stays removed\nso does the image's\ndeep\ndeep\npipe\n2\nnew\n1777\n700\n"
	if string(s.Stdout) != want {
		t.Errorf("the second run finds %q, want %q; stderr %q", s.Stdout, want, s.Stderr)
	}

	planted := again(t, "/bin/planted", "say", "again").one(t, event.Start, nil)
	if p := planted.Exec; p.Path != "/bin/planted" || !p.Upper || !p.Drift() || p.SHA256 == "" || p.Size == 0 {
		t.Errorf("the first program is reported as %+v", p)
	}

	// A tar of a Sentry that was the guest's costs no more than this run.
	for name, content := range map[string]string{"no tar": strings.Repeat("x", 2048), "empty": ""} {
		file := t.TempDir() + "/diff.tar"
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		spec := newSpec(t, "true")
		spec.Layer = &runtime.Layer{Path: file}
		_, err := runtime.Run(t.Context(), spec)
		if (err == nil) != (content == "") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestHangUp: what the first process does with them is its affair; who handles
// none is not ended, as the first process of a machine is not.
func TestHangUp(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"handled":   {`trap 'echo hung up; exit 7' HUP; echo ready; while :; do sleep 0.1; done`, "ready\nhung up\n"},
		"unhandled": {`echo ready; sleep 3; echo lives`, "ready\nlives\n"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := newSpec(t, "sh", "-c", c.text)
			hangUp := make(chan struct{}, 1)
			spec.HangUp = hangUp
			slept := false
			spec.Events = func(ev event.Event) {
				if ev.Kind == event.Clone && !slept { // by then the trap is set
					slept = true
					hangUp <- struct{}{}
				}
			}
			s, err := runtime.Run(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			if got := string(s.Stdout); got != c.want {
				t.Errorf("stdout %q, want %q; ended as %s %+v", got, c.want, s.End, s.Exit)
			}
		})
	}
}
