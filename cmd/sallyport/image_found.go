package main

import (
	"fmt"
	"io"

	"github.com/sallyport-dev/sallyport/console"
)

// showFacts prints what is known of each platform's image, and who found it out.
func showFacts(out io.Writer, platforms []console.Platform) error {
	t := newTable(out, "PLATFORM", "FACT", "VALUE", "SOURCE")
	any := false
	for _, p := range platforms {
		if p.Facts == nil {
			continue
		}
		for _, f := range []struct {
			name string
			fact console.Fact
		}{
			{"distribution", p.Facts.OSRelease}, {"user", p.Facts.User}, {"packages", p.Facts.Packages},
			{"set-user-ID files", p.Facts.Setuid}, {"base image", p.Facts.BaseImages},
		} {
			any = true
			t.row(p.Platform, f.name, factText(f.fact), f.fact.Source)
		}
	}
	if !any {
		return nil
	}
	fmt.Fprintln(out)
	return t.flush()
}

func factText(f console.Fact) string {
	switch {
	case f.Known && f.Text == "":
		return "none"
	case f.Known:
		return f.Text
	case f.Reason != "":
		return "not known: " + f.Reason
	}
	return "not looked for: no policy that applies needs it"
}
