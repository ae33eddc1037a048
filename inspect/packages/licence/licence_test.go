package licence_test

import (
	"slices"
	"testing"

	"github.com/sallyport-dev/sallyport/inspect/packages/licence"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"MIT", []string{"MIT"}},
		{"mit", []string{"MIT"}},
		{"GPL-2.0-or-later AND (MIT OR Apache-2.0)", []string{"Apache-2.0", "GPL-2.0-or-later", "MIT"}},
		{"GPL-2.0-only WITH Classpath-exception-2.0", []string{"GPL-2.0-only WITH Classpath-exception-2.0"}},
		{"LicenseRef-Fedora-Public-Domain", []string{"LicenseRef-Fedora-Public-Domain"}},
		{"GPL-2+", []string{"GPL-2.0-or-later"}},
		{"GPL-2", []string{"GPL-2.0-only"}},
		{"LGPL-2.1+", []string{"LGPL-2.1-or-later"}},
		{"GFDL-1.3+", []string{"GFDL-1.3-or-later"}},
		{"AGPLv3+", []string{"AGPL-3.0-or-later"}},
		{"GPLv2+ and LGPLv2+ with exceptions", []string{"GPL-2.0-or-later", "LGPL-2.0-or-later"}},
		{"BSD-3-clause and GPL-3+ with autoconf exception", []string{"BSD-3-Clause", "GPL-3.0-or-later"}},
		{"Expat, ISC", []string{"ISC", "MIT"}},
		{"ASL 2.0", []string{"Apache-2.0"}},
		{"MIT BSD-2-Clause", []string{"BSD-2-Clause", "MIT"}},
		{"public-domain", []string{"public-domain"}},
		{"Some Company's own", []string{"Some Company's own"}},
		{"NOASSERTION", []string{}},
		{"NONE", []string{}},
		{" ", []string{}},
	} {
		if got := licence.Parse(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%q is %q, want %q", c.text, got, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("GPL-2.0-or-later AND (MIT OR Apache-2.0)")
	f.Add("GPLv2+ and LGPLv2+ with exceptions, ((((MIT")
	f.Fuzz(func(t *testing.T, text string) {
		got := licence.Parse(text)
		if !slices.IsSorted(got) || len(got) > 100 {
			t.Errorf("%q is %q", text, got)
		}
	})
}
