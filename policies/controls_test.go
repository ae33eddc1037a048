package policies_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
)

// known is an image of which everything is known and nothing is wrong.
func known() *policies.Input {
	in := nginx()
	in.DTA = policies.DTA{Status: "done", Verdict: report.Clean, Time: now}
	looked := policies.Origin{Known: true, Source: "test", Time: now}
	in.Packages.Origin, in.Vulnerabilities.Origin, in.Malware.Origin, in.Secrets.Origin = looked, looked, looked, looked
	in.Image.BaseImages.Origin, in.Image.Setuid.Origin = looked, looked
	in.Image.User = "nginx"
	in.Image.UID = "101"
	in.Packages.Items = []policies.Package{
		{Format: "deb", Name: "openssl", Version: "3.0.11", Release: "1~deb12u2", Arch: "amd64", Licenses: []string{"Apache-2.0"}},
		{Format: "deb", Name: "bash", Epoch: "1", Version: "5.2.15", Release: "2", Arch: "amd64", Licenses: []string{"GPL-3.0-or-later"}},
		{Format: "maven", Name: "log4j-core", Version: "2.14.1", Licenses: []string{}},
	}
	return in
}

func vulnerable(all ...policies.Vulnerability) func(*policies.Input) {
	return func(in *policies.Input) { in.Vulnerabilities.Items = all }
}

// controlCase is what one control of an otherwise empty policy says of an image.
type controlCase struct {
	name    string
	policy  string                // the fields that matter
	change  func(*policies.Input) // of the image that known describes; may be nil
	want    string                // passed, failed, skipped, pending, warning or exempt
	message string                // is part of what people read
}

func judge(t *testing.T, control string, cases []controlCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := known()
			if c.change != nil {
				c.change(in)
			}
			r := evaluate(t, compile(t, "name: p\n"+c.policy), in)
			if len(r.Faults) > 0 {
				t.Fatalf("%+v", r.Checks)
			}
			i := slices.IndexFunc(r.Checks, func(k policies.Check) bool { return k.Control == control })
			if i < 0 {
				t.Fatalf("no check of it: %+v", r.Checks)
			}
			got := outcome(r.Checks[i])
			if r.Checks[i].Exempt {
				got = "exempt"
			}
			if got != c.want || !strings.Contains(r.Checks[i].Message, c.message) {
				t.Errorf("%s: %q, want %s: %q", got, r.Checks[i].Message, c.want, c.message)
			}
			if r.Disallowed != slices.ContainsFunc(r.Checks, func(k policies.Check) bool { return k.Failed }) {
				t.Errorf("disallowed %v: %+v", r.Disallowed, r.Checks)
			}
		})
	}
}

var log4shell = policies.Vulnerability{ID: "CVE-2021-44228", Severity: "high", Score: 7, Package: "log4j-core", FixVersion: "2.17.1", Path: "/app/log4j.jar"}

// vulnerability is log4shell but for what change says.
func vulnerability(change func(*policies.Vulnerability)) func(*policies.Input) {
	v := log4shell
	change(&v)
	return vulnerable(v)
}

func unfixed() func(*policies.Input) {
	return vulnerability(func(v *policies.Vulnerability) { v.FixVersion = "" })
}

// nothingKnown is an image that nobody has scanned.
func nothingKnown(in *policies.Input) {
	*in = *nginx()
	in.DTA = policies.DTA{Status: "done", Verdict: report.Clean, Time: now}
}

func pkg(all ...policies.Package) func(*policies.Input) {
	return func(in *policies.Input) { in.Packages.Items = all }
}

func labels(pairs ...string) func(*policies.Input) {
	return func(in *policies.Input) {
		in.Image.Labels = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			in.Image.Labels[pairs[i]] = pairs[i+1]
		}
	}
}

func TestFactsOfFailuresHaveTheAPIsNames(t *testing.T) {
	in := known()
	vulnerable(policies.Vulnerability{ID: "CVE-1", Severity: "critical", Score: 9.8, Package: "x"})(in)
	secret("/k")(in)
	r := evaluate(t, compile(t, `{"name":"p","cvss_severity_enabled":true,"cvss_severity":"high","maximum_score_enabled":true,"maximum_score":7,"scan_sensitive_data":true,"blacklisted_licenses_enabled":true,"blacklisted_licenses":["Apache-2.0"]}`), in)
	want := map[string]any{"maximum_severity_allowed": "high", "maximum_severity_found": "critical", "maximum_score_allowed": int64(7), "maximum_score_found": 9.8, "sensitive_data_found": int64(1)}
	for _, c := range r.Checks {
		for name, v := range c.Facts {
			if w, ok := want[name]; ok && w != v {
				t.Errorf("%s: %#v, want %#v", name, v, w)
			}
			delete(want, name)
		}
	}
	if len(want) > 0 {
		t.Errorf("missing facts %v in %+v", want, r.Checks)
	}
}

func TestGraceBeforeEnforcement(t *testing.T) {
	text := "name: p\nonly_none_root_users: true\nenforce_after_days: 10\nlastupdate: "
	in := known()
	user("", "")(in)
	for _, c := range []struct {
		changed string
		blocks  bool
	}{
		{now.AddDate(0, 0, -9).Format(time.RFC3339), false},
		{now.AddDate(0, 0, -10).Format(time.RFC3339), true},
		{"\"1\"", true},
		{"''", true}, // nobody knows
	} {
		r := evaluate(t, compile(t, text+c.changed), in)
		if r.Disallowed != c.blocks || len(r.Failures) != 1 || r.Failures[0].Blocking != c.blocks || !r.Audit {
			t.Errorf("changed %s: %+v", c.changed, r)
		}
		if !c.blocks && !r.Until.Equal(now.AddDate(0, 0, 1)) {
			t.Errorf("until %v", r.Until)
		}
	}
}

func TestAcknowledgedRisks(t *testing.T) {
	cve := policies.Vulnerability{ID: "CVE-1", Severity: "critical", Package: "openssl", Version: "3.0.1", Path: "/usr/lib/x"}
	policy := compile(t, "name: p\ncvss_severity_enabled: true\ncvss_severity: high\nscan_sensitive_data: true")
	for _, c := range []struct {
		name    string
		risk    policies.Acknowledgement
		accepts bool
	}{
		{"by name", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1"}, true},
		{"by name and package", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1", Package: "open*", Path: "/usr/*"}, true},
		{"of another package", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1", Package: "zlib"}, false},
		{"of the version", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-*", Package: "openssl", Version: "3.*"}, true},
		{"of another version", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1", Version: "1.0"}, false},
		{"of a hash, which it has none", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1", Hash: "sha256:x"}, false},
		{"of another kind", policies.Acknowledgement{Type: "malware", Name: "CVE-1"}, false},
		{"until tomorrow", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1", Expires: now.AddDate(0, 0, 1)}, true},
		{"until now", policies.Acknowledgement{Type: "vulnerability", Name: "CVE-1", Expires: now}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := known()
			vulnerable(cve)(in)
			in.Acknowledged = []policies.Acknowledgement{c.risk}
			r := evaluate(t, policy, in)
			if r.Disallowed == c.accepts || (len(r.Acknowledged) == 1) != c.accepts {
				t.Errorf("%+v", r)
			}
			if c.accepts && !r.Until.Equal(c.risk.Expires) {
				t.Errorf("until %v", r.Until)
			}
			if len(in.Vulnerabilities.Items) != 1 {
				t.Error("the caller's facts were changed")
			}
		})
	}
}

func TestWhatAPolicySaysToThoseItMeets(t *testing.T) {
	in := known()
	user("", "")(in)
	r := evaluate(t, compile(t, "name: p\nonly_none_root_users: true\nsallyport: {message: ask platform@corp.example}\npolicy_settings: {warn: true, warning_message: see the wiki}"), in)
	if m := r.Checks[0].Message; !strings.HasSuffix(m, "ask platform@corp.example — see the wiki") {
		t.Errorf("message %q", m)
	}
}

func malware(files ...policies.MalwareFile) func(*policies.Input) {
	return func(in *policies.Input) { in.Malware.Items = files }
}

func secret(path string) func(*policies.Input) {
	return func(in *policies.Input) { in.Secrets.Items = []policies.Secret{{Type: "private key", Path: path}} }
}

func user(name, uid string) func(*policies.Input) {
	return func(in *policies.Input) { in.Image.User, in.Image.UID = name, uid }
}

func base(repository, tag string) func(*policies.Input) {
	return func(in *policies.Input) {
		in.Image.BaseImages.Items = []policies.BaseImage{{Registry: "docker.io", Repository: repository, Tag: tag}}
	}
}
