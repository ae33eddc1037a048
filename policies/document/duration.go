package document

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that is written "36h" or, in days, "30d".
type Duration time.Duration

// MarshalJSON writes whole days as days.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON reads what time.ParseDuration reads, and days.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	if text == "" {
		*d = 0
		return nil
	}
	parsed, err := parseDuration(text)
	if err != nil {
		return err
	}
	*d = Duration(parsed)
	return nil
}

const day = 24 * time.Hour

func (d Duration) String() string {
	if d > 0 && time.Duration(d)%day == 0 {
		return strconv.FormatInt(int64(time.Duration(d)/day), 10) + "d"
	}
	return time.Duration(d).String()
}

func parseDuration(text string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(text, "d"); ok {
		if days, err := strconv.ParseUint(n, 10, 16); err == nil && days > 0 && days <= 36500 {
			return time.Duration(days) * day, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return d, nil
	}
	return 0, fmt.Errorf("%q is not a duration: write days (30d) or hours and minutes (36h, 90m)", text)
}

// Expiry is a moment that is written as a date, which lasts to its end in UTC,
// or as a time of RFC 3339. The zero value never comes.
type Expiry struct{ time.Time }

// UnmarshalJSON reads both forms; null and "" are never.
func (e *Expiry) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	if text == "" {
		*e = Expiry{}
		return nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err == nil {
		t = t.Add(day)
	} else if t, err = time.Parse(time.RFC3339, text); err != nil {
		return fmt.Errorf("%q is neither a date (2027-01-31) nor a time (2027-01-31T12:00:00Z)", text)
	}
	// Rules count in nanoseconds, which 64 bits hold from 1678 to 2262.
	if y := t.UTC().Year(); y < 1970 || y > 2261 {
		return fmt.Errorf("%q lies outside the years 1970 to 2261; what has no end needs no date", text)
	}
	*e = Expiry{t}
	return nil
}

// Past tells whether the moment is over at now.
func (e Expiry) Past(now time.Time) bool { return !e.IsZero() && !now.Before(e.Time) }
