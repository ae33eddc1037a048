package library

import (
	"testing"
	"time"
)

func TestDelayBetweenLooks(t *testing.T) {
	for name, test := range map[string]struct {
		poll        time.Duration
		failures    int
		least, most time.Duration
	}{
		"all is well":          {time.Minute, 0, 54 * time.Second, 66 * time.Second},
		"the first failure":    {time.Minute, 1, 500 * time.Millisecond, time.Second},
		"the third":            {time.Minute, 3, 2 * time.Second, 4 * time.Second},
		"many":                 {time.Minute, 1000, 30 * time.Second, time.Minute},
		"a short poll":         {100 * time.Millisecond, 5, 50 * time.Millisecond, 100 * time.Millisecond},
		"a poll of many hours": {1000 * time.Hour, 60, 500 * time.Hour, 1000 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			if least, most := delay(test.poll, test.failures, 0), delay(test.poll, test.failures, 1); least != test.least || most != test.most {
				t.Errorf("from %s to %s, want %s to %s", least, most, test.least, test.most)
			}
		})
	}
}
