package policies

import "time"

const day = 24 * time.Hour

// timely is how long the answer of a custom check counts that reads the time.
const timely = 10 * time.Minute

// blocks tells whether a failure of p disallows an image now. A policy with
// days of grace reports only, until they have passed since it was last changed.
func (p *policy) blocks(now time.Time) bool {
	return p.doc.BlockFailed && !now.Before(p.enforced)
}

// enforcedFrom is when the grace of d ends; zero when it has none, also where
// nobody knows since when it runs.
func enforcedFrom(d Document) time.Time {
	if d.EnforceAfterDays <= 0 {
		return time.Time{}
	}
	changed, ok := d.Changed()
	if !ok {
		return time.Time{}
	}
	return changed.Add(time.Duration(d.EnforceAfterDays) * day)
}

// until is when the answer of p about f may change by time alone; zero: never.
func (p *policy) until(f *Facts) time.Time {
	var first time.Time
	consider := func(t time.Time) {
		if t.After(f.now) {
			first = earlier(first, t)
		}
	}
	if p.doc.BlockFailed {
		consider(p.enforced)
	}
	if e := p.doc.Sallyport; e != nil {
		if e.MaxVerdictAge > 0 && f.input.DTA.Status == "done" {
			consider(f.input.DTA.Time.Add(time.Duration(e.MaxVerdictAge)))
		}
		for _, excuse := range e.Exempt {
			consider(excuse.Expires.Time)
		}
	}
	if p.readsNow() {
		consider(f.now.Add(timely))
	}
	if p.doc.IgnoreRecentlyPublished || p.doc.IgnoreRecentlyFixed {
		for i := range f.input.Vulnerabilities.Items {
			v := &f.input.Vulnerabilities.Items[i]
			if p.doc.IgnoreRecentlyPublished && !v.Published.IsZero() {
				consider(v.Published.Add(time.Duration(p.doc.RecentlyPublishedDays) * day))
			}
			if p.doc.IgnoreRecentlyFixed && !v.FixPublished.IsZero() {
				consider(v.FixPublished.Add(time.Duration(p.doc.RecentlyFixedDays) * day))
			}
		}
	}
	return first
}

// earlier is the earlier of two moments of which zero never comes.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
