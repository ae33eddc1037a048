package judge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// detonation is a pass of an image whose events are numbered from after on.
func detonation(pass string, after uint64, events ...event.Event) *observation.Observation {
	b := observation.New(observation.Image{Digest: "sha256:0000", Entrypoint: []string{"/app"}}, observation.Run{Started: time.Unix(1e9, 0).UTC(), Pass: pass})
	for i, e := range events {
		e.Seq, e.Time = after+uint64(i+1), time.Duration(i+1)*100*time.Millisecond
		b.Add(e)
	}
	b.End(observation.End{Status: observation.Timeout, Duration: 20 * time.Second})
	o := b.Build()
	o.Run.RanEntrypoint = true
	return o
}

func begins(pid int32, argv ...string) event.Event {
	return event.Event{Kind: event.Exec, Task: event.Task{PID: pid, PPID: 1}, Exec: &event.Program{Path: argv[0], Argv: argv, Lower: true}}
}

func app() event.Event {
	return event.Event{Kind: event.Start, Task: event.Task{PID: 1}, Exec: &event.Program{Path: "/app", Argv: []string{"/app"}, Lower: true}}
}

// initd starts things that have nothing to do with each other.
func initd() event.Event {
	return event.Event{Kind: event.Start, Task: event.Task{PID: 1}, Exec: &event.Program{Path: "/sbin/tini", Argv: []string{"/sbin/tini"}, Lower: true}}
}

// ours is the first process of the pass in which what was left is run.
func ours() event.Event {
	e := begins(1, "/bin/sh", "-c", "for c; do sh -c \"$c\" & done; wait")
	e.Kind, e.Probe, e.Task.PPID = event.Start, true, 0
	return e
}

// Two signs of high severity and of different groups, neither of them proof.
func rises(pid int32) event.Event {
	return event.Event{Kind: event.Chmod, Task: event.Task{PID: pid, PPID: 1}, Path: "/opt/report", Mode: 0o4755}
}

func attacks(pid int32) event.Event { return begins(pid, "/usr/bin/hydra", "-l", "root", "192.0.2.7") }

func under(parent int32, e event.Event) event.Event {
	e.Task.PPID = parent
	return e
}

// script says that a process of o runs a script that did not come with the image.
func script(o *observation.Observation, process, path, sha string) *observation.Observation {
	p := o.Processes[process]
	p.Script, p.ScriptDrift, p.ScriptSHA256 = path, true, sha
	return o
}

func probed(e event.Event) event.Event {
	e.Probe = true
	return e
}

// left has o's pass leave a file that the process writer wrote.
func left(o *observation.Observation, path, writer string) *observation.Observation {
	o.Files.Created = append(o.Files.Created, observation.File{Path: path, Type: "text", Writer: writer, SHA256: "11"})
	return o
}

func hooked(o *observation.Observation, path, command string) *observation.Observation {
	o.Run.Hooks = append(o.Run.Hooks, observation.Hook{Path: path, Command: command})
	return o
}

// TestPassesAddUp: two independent signs of high severity in one lineage are
// proof although they were seen in different passes; what is not one lineage, or
// the same sign twice, is not.
func TestPassesAddUp(t *testing.T) {
	j := newJudge(t)
	cron := []string{"/bin/sh", "-c", "update -q"}
	inRestart := func(events ...event.Event) *observation.Observation { return detonation("restart", 1000, events...) }
	inPersistence := func(events ...event.Event) *observation.Observation {
		return detonation("persistence", 1000, events...)
	}
	both := func(pass string, after uint64) *observation.Observation {
		return detonation(pass, after, initd(), begins(2, "/bin/one"), rises(2), attacks(3))
	}
	for name, c := range map[string]struct {
		passes []*observation.Observation
		want   report.Conclusion
		says   string
	}{
		"its program goes on when it is started again": {
			[]*observation.Observation{detonation("", 0, app(), rises(1)), inRestart(app(), attacks(2))},
			report.Malicious, `independent in one lineage: attack-tool-exec (in the pass "restart") and suid-create`,
		},
		"what it left to be run later does the rest": {
			[]*observation.Observation{
				left(detonation("", 0, app(), rises(1)), "/etc/cron.d/x", "1.0"),
				hooked(inPersistence(ours(), begins(2, cron...), under(2, attacks(3))), "/etc/cron.d/x", "update -q"),
			},
			report.Malicious, `attack-tool-exec (in the pass "persistence")`,
		},
		"a program that it left does the rest": {
			[]*observation.Observation{
				left(detonation("", 0, app(), rises(1)), "/opt/x", "1.0"),
				script(inPersistence(ours(), begins(2, "/bin/sh", "/opt/x"), under(2, attacks(3))), "2.0", "/opt/x", "11"),
			},
			report.Malicious, `attack-tool-exec (in the pass "persistence")`,
		},
		"a third pass joins two": {
			[]*observation.Observation{
				left(detonation("", 0, app(), begins(2, "/bin/one")), "/etc/cron.d/x", "2.0"), inRestart(app(), rises(1)),
				hooked(detonation("persistence", 2000, ours(), begins(2, cron...), under(2, attacks(3))), "/etc/cron.d/x", "update -q"),
			},
			report.Malicious, `suid-create (in the pass "restart")`,
		},

		"another program at the place of what it left": {
			[]*observation.Observation{
				left(detonation("", 0, app(), rises(1)), "/opt/x", "1.0"),
				script(inPersistence(ours(), begins(2, "/bin/sh", "/opt/x"), under(2, attacks(3))), "2.0", "/opt/x", "22"),
			},
			report.Suspicious, "seen, but not proved",
		},
		"another service left it": {
			[]*observation.Observation{
				left(detonation("", 0, initd(), begins(2, "/bin/one"), rises(2), begins(3, "/bin/two")), "/etc/cron.d/x", "3.0"),
				hooked(inPersistence(ours(), begins(2, cron...), under(2, attacks(3))), "/etc/cron.d/x", "update -q"),
			},
			report.Suspicious, "",
		},
		"two things that were left are not one lineage because we start both": {
			[]*observation.Observation{
				left(left(detonation("", 0, initd(), begins(2, "/bin/one"), begins(3, "/bin/two")), "/etc/cron.d/x", "2.0"), "/etc/cron.d/y", "3.0"),
				hooked(hooked(inPersistence(ours(), begins(2, cron...), rises(2), begins(3, "/bin/sh", "-c", "other"), under(3, attacks(4))),
					"/etc/cron.d/x", "update -q"), "/etc/cron.d/y", "other"),
			},
			report.Suspicious, "",
		},
		"nobody knows who left it": {
			[]*observation.Observation{detonation("", 0, app(), rises(1)), inPersistence(ours(), begins(2, cron...), under(2, attacks(3)))},
			report.Suspicious, "",
		},
		"the same sign in both": {
			[]*observation.Observation{detonation("", 0, app(), rises(1)), inRestart(app(), rises(1)), detonation("bait", 2000, app(), rises(1))},
			report.Suspicious, "suid-create",
		},
		"each pass sees both, and keeps them apart": {
			[]*observation.Observation{both("", 0), both("restart", 1000)}, report.Suspicious, "",
		},
		"we did it": {
			[]*observation.Observation{detonation("", 0, app(), rises(1)), inRestart(app(), probed(attacks(2)))},
			report.Suspicious, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var passes []judge.Pass
			for _, o := range c.passes {
				alone := mustJudge(t, j, o)
				if alone.Malicious {
					t.Fatalf("the pass %q is malicious by itself: %s", o.Run.Pass, alone.Reason)
				}
				passes = append(passes, judge.Pass{Observation: o, Judgement: alone})
			}
			all, err := judge.Together(t.Context(), passes)
			if err != nil {
				t.Fatal(err)
			}
			if all.Verdict != c.want || all.Malicious != (c.want == report.Malicious) || !strings.Contains(all.Reason, c.says) {
				t.Errorf("%s: %s; want %s: …%s…", all.Verdict, all.Reason, c.want, c.says)
			}
			if c.want == report.Malicious && all.Score < 90 {
				t.Errorf("the score is %d", all.Score)
			}
			again, err := judge.Together(t.Context(), passes)
			if err != nil || again.Reason != all.Reason || again.Score != all.Score {
				t.Errorf("the second time: %v %s", err, again.Reason)
			}
		})
	}
}

// TestLostInALaterPass: what a pass lost may have been the proof.
func TestLostInALaterPass(t *testing.T) {
	j := newJudge(t)
	var passes []judge.Pass
	for _, o := range []*observation.Observation{detonation("", 0, app()), detonation("restart", 10, app(), event.Event{Kind: event.LostCritical})} {
		passes = append(passes, judge.Pass{Observation: o, Judgement: mustJudge(t, j, o)})
	}
	if all, err := judge.Together(t.Context(), passes); err != nil || all.Verdict != report.Inconclusive || !strings.Contains(all.Reason, "1 critical events") {
		t.Errorf("%s: %s, %v", all.Verdict, all.Reason, err)
	}
}
