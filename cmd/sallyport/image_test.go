package main

import (
	"strings"
	"testing"
	"time"
)

func TestHowLongPermissionsHold(t *testing.T) {
	now := time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ name, text, want, fault string }{
		{"for ever", "0", "0001-01-01T00:00:00Z", ""},
		{"hours", "72h", "2026-09-04T12:00:00Z", ""},
		{"days, as in documents", "30d", "2026-10-01T12:00:00Z", ""},
		{"to the end of a day", "2026-09-01", "2026-09-02T00:00:00Z", ""},
		{"until a time elsewhere", "2026-09-02T01:00:00+02:00", "2026-09-01T23:00:00Z", ""},
		{"until a day that is over", "2026-08-31", "", "is past"},
		{"backwards", "-1h", "", "write how long"},
		{"in words", "next week", "", "write how long"},
		{"nothing", "", "", "0 is for ever"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseExpires(c.text, now)
			switch {
			case c.fault != "":
				if err == nil || !strings.Contains(err.Error(), c.fault) {
					t.Errorf("%v, want an error with %q", err, c.fault)
				}
			case err != nil || got.Format(time.RFC3339) != c.want:
				t.Errorf("%s, %v; want %s", got.Format(time.RFC3339), err, c.want)
			}
		})
	}
}
