package sensor

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// TestHostileArguments: whatever a guest passes to execve, its event fits.
func TestHostileArguments(t *testing.T) {
	for name, arg := range map[string]string{
		"plain": strings.Repeat("x", 1<<17), "control characters": strings.Repeat("\x01", 1<<17), "no UTF-8": strings.Repeat("\xff", 1<<17),
	} {
		t.Run(name, func(t *testing.T) {
			argv := slices.Repeat([]string{arg}, 2000)
			ev := event.Event{Kind: event.Exec, Path: arg, Exec: &event.Program{Path: arg, Argv: argv, Env: argv}}
			payload := encode(&ev)
			if len(payload) > event.MaxFrame {
				t.Fatalf("%d bytes", len(payload))
			}
			got, err := NewReader(bytes.NewReader(appendFrame(nil, frameEvent, 1, payload))).Next()
			if err != nil || got.Exec == nil || len(got.Exec.Argv) < 32 {
				t.Errorf("%v %+v", err, got.Exec)
			}
			if len(argv[0]) != 1<<17 {
				t.Error("the guest's own arguments were cut")
			}
		})
	}
}

func TestSessionFile(t *testing.T) {
	b, err := SessionFile(Config{ReadsOf: []string{"/etc/shadow"}})
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Session struct {
			Points []struct{ Name string }
			Sinks  []struct {
				Name   string
				Config map[string]any
			}
		} `json:"trace_session"`
	}
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range doc.Session.Points {
		if slices.Contains(names, p.Name) {
			t.Errorf("%s twice", p.Name)
		}
		names = append(names, p.Name)
	}
	if len(names) < 6+len(decoders())-3 {
		t.Errorf("only %d points for %d system calls", len(names), len(decoders()))
	}
	if len(doc.Session.Sinks) != 1 || doc.Session.Sinks[0].Name != sinkName {
		t.Errorf("sinks %+v", doc.Session.Sinks)
	}
}

func TestUnderAny(t *testing.T) {
	prefixes := []string{"/root/", "/etc/shadow"}
	for path, want := range map[string]bool{
		"/etc/shadow": true, "/etc/shadow-": false, "/root": false, "/root/.ssh": true, "/rooted": false, "/etc": false, "": false,
	} {
		if got := underAny(path, prefixes); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}
