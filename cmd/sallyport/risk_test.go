package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/report"
)

func TestRiskCommands(t *testing.T) {
	s := serveConsole(t)
	s.Push(t, "demo.test/team/app:v1", report.Clean)
	out := must(t, "risk", "acknowledge", "CVE-2024-3094", "--in", "demo.test/team/app:v1", "--package", "xz-utils", "--for", "30d", "--comment", "not reachable, OPS-42")
	id, rest, _ := strings.Cut(out, ": ")
	if !regexp.MustCompile(`^CVE-2024-3094 acknowledged until \d{4}-\d\d-\d\d \d\d:\d\d UTC\n$`).MatchString(rest) {
		t.Errorf("acknowledge %q", out)
	}
	must(t, "risk", "acknowledge", "private key", "--type", "sensitive_data", "--everywhere", "--until", "2999-12-31", "--comment", "fixtures")
	list := must(t, "risk", "list")
	for _, want := range []string{
		`(?m)^` + id + ` +vulnerability +CVE-2024-3094 +xz-utils +demo.test/team/app:v1 +\d{4}-\d\d-\d\d \d\d:\d\d +administrator +not reachable, OPS-42$`,
		`(?m)^[0-9a-f]{16} +sensitive_data +private key +- +all +3000-01-01 00:00 +administrator +fixtures$`,
	} {
		if !regexp.MustCompile(want).MatchString(list) {
			t.Errorf("list misses %s:\n%s", want, list)
		}
	}
	if show := must(t, "image", "show", "demo.test/team/app:v1"); !regexp.MustCompile(`(?m)^Acknowledged +CVE-2024-3094 by administrator, ends .*: not reachable, OPS-42$`).MatchString(show) {
		t.Errorf("image show:\n%s", show)
	}
	if out := must(t, "risk", "revoke", id); out != id+": revoked\n" {
		t.Errorf("revoke %q", out)
	}
	fails(t, []string{"risk", "revoke", id}, "no such acknowledged risk")
	for name, args := range map[string][]string{
		"--comment":      {"CVE-1", "--everywhere"},
		"--everywhere":   {"CVE-1", "--comment", "c"},
		"--type":         {"eicar", "--everywhere", "--comment", "c"},
		"keep one":       {"CVE-1", "--everywhere", "--comment", "c", "--for", "1", "--until", "2999-01-01"},
		"from 1 on":      {"CVE-1", "--everywhere", "--comment", "c", "--for", "0"},
		"write a day":    {"CVE-1", "--everywhere", "--comment", "c", "--until", "soon"},
		"expired on":     {"CVE-1", "--everywhere", "--comment", "c", "--until", "2001-01-01"},
		"write a number": {"CVE-1", "--everywhere", "--comment", "c", "--for", "-3"},
	} {
		fails(t, append([]string{"risk", "acknowledge"}, args...), name)
	}
}
