package sandbox

import (
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// TestTheGuestSaysWhenItBegan, and is believed as far as it can be.
func TestTheGuestSaysWhenItBegan(t *testing.T) {
	noticed := time.Unix(1e9, 0)
	for name, c := range map[string]struct{ said, want time.Duration }{ // before the date that the guest has when it is noticed
		"the notice came late": {200 * time.Millisecond, 200 * time.Millisecond},
		"after the notice":     {-time.Second, 0},
		"long before":          {time.Hour, 0},
	} {
		g := newGuestTime(Clocks{Offset: 48 * time.Hour})
		date := noticed.Add(48 * time.Hour)
		if got := g.started(noticed); !got.Equal(date) {
			t.Errorf("untold: %v", got)
		}
		for _, at := range []time.Time{date.Add(-c.said), date.Add(-c.said - time.Second)} { // the first one counts
			if g.event(event.Event{Kind: event.Start, Args: []int64{at.UnixNano()}}) {
				t.Error("the start is no act of the guest")
			}
		}
		if got := date.Sub(g.started(noticed)); got != c.want {
			t.Errorf("%s: %v before the notice, want %v", name, got, c.want)
		}
	}
}
