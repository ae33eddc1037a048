package version_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/policies/version"
)

// Each list is in the order of its package manager; = joins versions that are equal.
var orders = map[version.Kind]string{
	version.Deb:   "1.0~~ 1.0~rc1 1.0=0:1.0=1.0- 1.0-1~bpo1 1.0-1 1.0-1+b1 1.0-2 1.0a 1.0+dfsg-1 1.0.1 1.2 1.10 2~beta 2 2:0.1",
	version.RPM:   "1.0~rc1-1 1.0 1.0-1 1.0-1.el9 1.0-2=1.0-02 1.0^git1-1 1.0a-1 1.0.1-1 1.2=1_2 1.10 1.10.1 1:0.1",
	version.APK:   "1.2_alpha 1.2_alpha1 1.2_beta 1.2_rc1 1.2=1.2-r0 1.2-r1 1.2-r10 1.2_git20200101 1.2_p1 1.2a 1.2.1 1.10 2",
	version.Other: "1.0.0-dev 1.0.0-alpha 1.0.0-alpha.1 1.0.0-beta 1.0.0-rc.1=1.0rc1 1.0.0=1=v1.0=1.0.0+build5=1.0.Final 1.0.post1 1.0.1 1.2 1.10 2.0.0-rc1 2.0.0",
}

func TestOrder(t *testing.T) {
	for kind, order := range orders {
		t.Run(string(kind), func(t *testing.T) {
			groups := strings.Fields(order)
			for i, a := range groups {
				for j, b := range groups {
					for _, x := range strings.Split(a, "=") {
						for _, y := range strings.Split(b, "=") {
							if got, want := compare(t, kind, x, y), sign(i-j); got != want {
								t.Errorf("%s and %s compare as %d, want %d\n%s\n%s", x, y, got, want, version.Of(kind, x), version.Of(kind, y))
							}
						}
					}
				}
			}
		})
	}
}

// dpkg agrees with the order of deb versions, and is the judge of odd ones.
func TestDpkgAgrees(t *testing.T) {
	testenv.NeedCommand(t, "dpkg")
	versions := strings.FieldsFunc(orders[version.Deb], func(r rune) bool { return r == ' ' || r == '=' })
	versions = append(versions, "1", "1.", "1.0.0", "01.0", "1.0~", "1.0~a", "1a~", "1a", "1a1", "1+~", "1.a", "1a.", "9999999999999999999999", "0", "1.0-0", "1.0-", "1-1-1", "1.~.2")
	for _, a := range versions {
		for _, b := range versions {
			if strings.HasSuffix(a, "-") || strings.HasSuffix(b, "-") {
				continue // dpkg refuses an empty revision
			}
			if compare(t, version.Deb, a, b) < 0 != (exec.Command("dpkg", "--compare-versions", a, "lt", b).Run() == nil) {
				t.Errorf("dpkg does not agree on %s and %s", a, b)
			}
		}
	}
}

func TestRanges(t *testing.T) {
	for text, want := range map[string]string{
		">=1.2,<2": ">=1.2 <2", " > 1 , <= 3 ": ">1 <=3", "1.0": "==1.0", "=1": "==1", "!=1:2-3": "!=1:2-3",
		"": "", ">": "", "1 2": "", ">=1,": "", "[1,2)": "", "1.*": "", "1 || 2": "",
	} {
		all, err := version.ParseRange(text)
		var parts []string
		for _, c := range all {
			parts = append(parts, c.Operator+c.Version)
		}
		if got := strings.Join(parts, " "); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is read as %q, %v", text, got, err)
		}
	}
}

// FuzzKey: any text has a key that Rego can hold, and comparing is consistent.
func FuzzKey(f *testing.F) {
	f.Add("1:2.3-4~x", "1.0_rc1-r2")
	f.Add("~~", "^1")
	f.Add("99999999999999999999999999999999999999999999", "v1.0.0-rc.1+b")
	f.Fuzz(func(t *testing.T, a, b string) {
		if len(a)+len(b) > 1000 {
			return
		}
		for _, kind := range version.Kinds() {
			if compare(t, kind, a, a) != 0 || compare(t, kind, a, b) != -compare(t, kind, b, a) {
				t.Fatalf("%s: %q and %q", kind, a, b)
			}
		}
	})
}

func compare(t *testing.T, kind version.Kind, a, b string) int {
	t.Helper()
	x, y := version.Of(kind, a), version.Of(kind, b)
	for _, k := range []version.Key{x, y} {
		if strings.ContainsFunc(string(k), func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Fatalf("%q is not printable", k)
		}
	}
	return ast.Compare(ast.String(x), ast.String(y))
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
