package network

import (
	"cmp"
	"crypto/sha256"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// Records is what crossed the link, in order of time. Process fields are empty:
// the network does not see who sent.
type Records struct {
	Flows  []observation.Flow
	DNS    []observation.DNSQuery
	HTTP   []observation.HTTP
	Beyond Beyond

	Traffic []observation.Traffic // of addresses that got much
}

// Beyond counts what came after the limits and was answered but not kept.
type Beyond struct {
	Flows, DNS, HTTP, Messages int64
	Bytes                      int64 // of excerpts and bodies
}

// Records are what the guest did so far. Times are relative to since, which is
// the start of the run. Flows still open are included as they stand.
func (w *World) Records(since time.Time) Records {
	r := w.ledger.records(since)
	r.Traffic = w.traffic.list(since, w.names.of)
	return r
}

// insisted is how many flows are kept beyond the limit since secrets left on them.
const insisted = 200

// ledger keeps what is recorded, within limits.
type ledger struct {
	limits   Limits
	now      func() time.Time
	began    time.Time
	canaries *canary.Set

	mu       sync.Mutex
	count    int // flows so far, for their names
	flows    []*flow
	extra    int
	dns      []observation.DNSQuery
	http     []observation.HTTP
	messages int
	beyond   Beyond // without Bytes
	names    *canary.NameSearch

	budget  budget
	traffic *traffic
}

func newLedger(limits Limits, now func() time.Time, canaries *canary.Set) *ledger {
	l := &ledger{limits: limits, now: now, began: now(), canaries: canaries, names: canaries.SearchNames()}
	l.budget.left.Store(limits.Excerpts)
	return l
}

// millis is the time since the world began.
func (l *ledger) millis() int64 { return l.now().Sub(l.began).Milliseconds() }

// open begins a flow. Beyond the limit it works like any other but is not listed.
func (l *ledger) open(proto string, from, to netip.AddrPort) *flow {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	f := &flow{
		ledger: l, to: to, first: now, last: now, search: l.canaries.Search(),
		record: newRecord("f"+strconv.Itoa(l.count), proto, from, to),
	}
	if proto == "tcp" {
		f.sum = sha256.New()
	}
	if len(l.flows) < l.limits.Flows {
		l.flows = append(l.flows, f)
		f.listed = true
	} else {
		l.beyond.Flows++
	}
	return f
}

// insist lists a flow on which a secret left, whatever the limit.
func (l *ledger) insist(f *flow) {
	if f.kept() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.listed && l.extra < insisted {
		l.extra++
		l.beyond.Flows--
		l.flows = append(l.flows, f)
		f.listed = true
	}
}

// asked notes a DNS query, whose name is as it was sent.
func (l *ledger) asked(f *flow, name string, q observation.DNSQuery) {
	q.Flow = f.id()
	q.TimeMS = l.millis()
	l.mu.Lock()
	if len(l.dns) < l.limits.Queries {
		l.dns = append(l.dns, q)
	} else {
		l.beyond.DNS++
	}
	hits := l.names.Add(name)
	l.mu.Unlock()
	f.named(hits, q.Name)
}

// requested notes an HTTP request.
func (l *ledger) requested(f *flow, h observation.HTTP) {
	h.Flow = f.id()
	if l.traffic != nil {
		l.traffic.add("http", netip.Addr{}, f.to, l.now())
	}
	h.TimeMS = l.millis()
	h.Body = escape([]byte(h.Body)[:l.budget.take(len(h.Body))])
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.http) < l.limits.Requests {
		l.http = append(l.http, h)
	} else {
		l.beyond.HTTP++
	}
}

func (l *ledger) mayMessage() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.messages >= l.limits.Messages {
		l.beyond.Messages++
		return false
	}
	l.messages++
	return true
}

func (l *ledger) records(since time.Time) Records {
	shift := l.began.Sub(since).Milliseconds()
	l.mu.Lock()
	flows := slices.Clone(l.flows)
	r := Records{DNS: slices.Clone(l.dns), HTTP: slices.Clone(l.http), Beyond: l.beyond, Flows: make([]observation.Flow, 0, len(flows))}
	l.mu.Unlock()
	r.Beyond.Bytes = l.budget.beyond.Load()
	for _, f := range flows {
		r.Flows = append(r.Flows, f.snapshot(since, shift))
	}
	for i := range r.DNS {
		r.DNS[i].TimeMS = max(0, r.DNS[i].TimeMS+shift)
	}
	for i := range r.HTTP {
		r.HTTP[i].TimeMS = max(0, r.HTTP[i].TimeMS+shift)
	}
	slices.SortStableFunc(r.Flows, func(a, b observation.Flow) int { return cmp.Compare(a.FirstMS, b.FirstMS) })
	slices.SortStableFunc(r.HTTP, func(a, b observation.HTTP) int { return cmp.Compare(a.TimeMS, b.TimeMS) })
	return r
}
