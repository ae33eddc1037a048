package sandbox

import (
	"testing"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func TestWhatIsWorthAnotherPass(t *testing.T) {
	left := func(exited bool, f observation.File) *observation.Observation {
		o := &observation.Observation{Files: observation.Files{Created: []observation.File{f}}}
		if exited {
			o.Run.Exit = &event.Status{}
		}
		return o
	}
	for name, c := range map[string]struct {
		o    *observation.Observation
		want bool
	}{
		"a program":               {left(false, observation.File{Path: "/srv/x", Type: "elf"}), true},
		"a script":                {left(false, observation.File{Path: "/tmp/x", Type: "script"}), true},
		"a program that is gone":  {left(false, observation.File{Path: "/srv/x", Type: "elf", Gone: true}), false},
		"data of one that runs":   {left(false, observation.File{Path: "/var/lib/db/1", Type: "data"}), false},
		"data of one that ended":  {left(true, observation.File{Path: "/var/lib/db/1", Type: "data"}), true},
		"a log of one that ended": {left(true, observation.File{Path: "/var/log/app.log", Type: "text"}), false},
		"its process id":          {left(true, observation.File{Path: "/srv/app.pid", Type: "text"}), false},
		"a folder":                {left(true, observation.File{Path: "/srv/x", Type: "dir"}), false},
	} {
		if why := leftovers(c.o); (why != "") != c.want {
			t.Errorf("%s: started again because %q", name, why)
		}
	}

	did := func(kind event.Kind, e observation.Event) *observation.Observation {
		return &observation.Observation{Events: map[event.Kind][]observation.Event{kind: {e}}}
	}
	for name, c := range map[string]struct {
		o        *observation.Observation
		findings []report.Finding
		want     bool
	}{
		"nothing":                 {&observation.Observation{}, nil, false},
		"the engine's socket":     {did(event.Connect, observation.Event{Remote: &event.Endpoint{Family: "unix", Path: "/var/run/docker.sock"}}), nil, true},
		"another socket":          {did(event.Connect, observation.Event{Remote: &event.Endpoint{Family: "unix", Path: "/run/app.sock"}}), nil, false},
		"a disk":                  {did(event.Open, observation.Event{Path: "/dev/sda"}), nil, true},
		"null":                    {did(event.Open, observation.Event{Path: "/dev/null"}), nil, false},
		"what Go looks at":        {did(event.Open, observation.Event{Path: "/proc/1/cgroup"}), nil, false},
		"a mount, refused":        {did(event.Mount, observation.Event{Path: "/mnt", Errno: 1}), nil, true},
		"a mount, made":           {did(event.Mount, observation.Event{Path: "/mnt"}), nil, false},
		"our own look":            {did(event.Open, observation.Event{Path: "/dev/sda", Probe: true}), nil, false},
		"something of importance": {&observation.Observation{}, []report.Finding{{Slug: "x", Severity: report.Medium}}, true},
		"something of none":       {&observation.Observation{}, []report.Finding{{Slug: "x", Severity: report.Low}}, false},
	} {
		if why := tempted(c.o, c.findings); (why != "") != c.want {
			t.Errorf("%s: tempted because %q", name, why)
		}
	}
}
