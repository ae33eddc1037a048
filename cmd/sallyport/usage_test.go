package main

import (
	"strings"
	"testing"
)

// Whoever types something wrong is told what would be right, and no program
// takes that for an answer: 1 from scan is a denied image.
func TestWrongUse(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		line string
		exit int
		says string
	}{
		{"scan a b", exitError, "[\"a\" \"b\"] do not fit: write `sallyport scan IMAGE | --archive FILE | --layout DIR [flags]`"},
		{"scan --timeout 5 a", exitError, "see `sallyport scan --help`"},
		{"scan --colour a", exitError, "unknown flag: --colour; see `sallyport scan --help`"},
		{"doctor here", exitError, "[\"here\"] do not fit: write `sallyport doctor [flags]`"},
		{"doctor --colour", exitError, "unknown flag: --colour"},
		{"policy diff", exitNotFound, "write `sallyport policy diff"},
		{"policy diff --colour a b", exitNotFound, "unknown flag: --colour"},
		{"policy eval --colour", exitNotFound, "unknown flag: --colour"},
		{"report", exitFailed, "an argument is missing: write `sallyport report IMAGE [flags]`"},
		{"label add demo.test", exitFailed, "[\"demo.test\"] do not fit: write `sallyport label add IMAGE|REPOSITORY|REGISTRY LABEL… [flags]`"},
		{"label ad demo.test x", exitFailed, "sallyport label has no command \"ad\"; did you mean add?; see `sallyport label --help`"},
		{"repot demo.test", exitFailed, "sallyport has no command \"repot\"; did you mean report?"},
		{"quux", exitFailed, "sallyport has no command \"quux\"; see `sallyport --help`"},
	} {
		t.Run(c.line, func(t *testing.T) {
			_, errOut := exits(t, c.exit, strings.Fields(c.line)...)
			if !strings.Contains(errOut, c.says) {
				t.Errorf("printed %q, want %q", errOut, c.says)
			}
		})
	}
}

func TestVersionFlag(t *testing.T) {
	if out := must(t, "--version"); !strings.Contains(out, version) {
		t.Errorf("printed %q", out)
	}
}
