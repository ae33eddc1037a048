package network

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// flow is one connection, or the datagrams of one tuple, as it is recorded. It
// is the Log of its conversation.
type flow struct {
	ledger *ledger
	first  time.Time
	to     netip.AddrPort

	mu     sync.Mutex
	record observation.Flow // without what is derived when it is read
	last   time.Time
	out    excerpt
	in     excerpt
	search *canary.Search
	sum    hash.Hash // of what the guest says over TCP; nil for datagrams
	hits   []placed  // in names

	understood []canary.Hit // in requests

	secure bool // what passes on the wire is encrypted
	listed bool // in the ledger
}

// placed is a secret and where it went, when that is not the flow's own domain.
type placed struct {
	hit canary.Hit
	to  string
}

func (f *flow) id() string { return f.record.ID }

func (f *flow) domain() string { return f.record.Domain }

func (f *flow) kept() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.listed
}

func (f *flow) refuse() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.record.Refused = true
}

// resolver notes that the other end is one: it is asked for names, and needs none.
func (f *flow) resolver() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.record.Direct = false
}

// passed notes bytes from the guest (out) or to it. On the wire they are
// counted; what is readable is excerpted, and searched when it leaves.
func (f *flow) passed(p []byte, out, wire bool) {
	if len(p) == 0 {
		return
	}
	now := f.ledger.now()
	f.mu.Lock()
	f.last = now
	if wire && out {
		f.record.BytesOut += int64(len(p))
	} else if wire {
		f.record.BytesIn += int64(len(p))
	}
	found := false
	if wire != f.secure {
		e := &f.in
		if out {
			e = &f.out
		}
		e.add(p, &f.ledger.budget)
		if out && f.sum != nil {
			_, _ = f.sum.Write(p)
		}
		if out && !f.record.Probe {
			before := len(f.search.Hits())
			_, _ = f.search.Write(p)
			found = len(f.search.Hits()) > before
		}
	}
	f.mu.Unlock()
	if found {
		f.ledger.insist(f)
	}
}

// App implements responder.Log.
func (f *flow) App(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.record.App = name
}

// Message implements responder.Log.
func (f *flow) Message(out bool, kind string, fields map[string]string) {
	if !f.ledger.mayMessage() {
		return
	}
	at := f.ledger.millis()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.record.Messages = append(f.record.Messages, observation.Message{TimeMS: at, Out: out, Type: kind, Fields: fields})
}

// HTTP implements responder.Log. What was understood of a request is searched
// too: chunks and compressed headers hide it from a search in the stream.
func (f *flow) HTTP(h observation.HTTP) {
	f.mu.Lock()
	probe := f.record.Probe
	f.mu.Unlock()
	if !probe {
		f.said(h)
	}
	f.ledger.requested(f, h)
}

func (f *flow) said(h observation.HTTP) {
	found := []canary.Hit{}
	for _, text := range slices.Concat([]string{h.Path, h.Body}, slices.Collect(maps.Values(h.Headers))) {
		search := f.ledger.canaries.Search()
		_, _ = io.WriteString(search, text)
		search.Close()
		found = append(found, search.Hits()...)
	}
	if len(found) == 0 {
		return
	}
	f.mu.Lock()
	f.understood = append(f.understood, found...)
	f.mu.Unlock()
	f.ledger.insist(f)
}

// ended notes that nothing comes from the guest any more.
func (f *flow) ended() {
	f.mu.Lock()
	before := len(f.search.Hits())
	f.search.Close()
	found := len(f.search.Hits()) > before
	f.mu.Unlock()
	if found {
		f.ledger.insist(f)
	}
}

// Understood implements responder.Log. The search of what passes is not
// disturbed by it.
func (f *flow) Understood(text []byte) {
	search := f.ledger.canaries.Search()
	_, _ = search.Write(text)
	hits := search.Hits()
	if len(hits) == 0 {
		return
	}
	f.mu.Lock()
	host := f.host()
	for _, h := range hits {
		if p := (placed{h, host}); !slices.ContainsFunc(f.hits, func(o placed) bool { return o.hit.Name == h.Name && o.to == host }) {
			f.hits = append(f.hits, p)
		}
	}
	f.mu.Unlock()
	f.ledger.insist(f)
}

// host is the other end by its best name. f.mu is held.
func (f *flow) host() string {
	if f.record.Domain != "" {
		return f.record.Domain
	}
	return f.record.DstIP
}

// Hello implements responder.Log.
func (f *flow) Hello(h responder.ClientHello) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.record.SNI, f.record.JA3, f.record.JA4 = h.ServerName, h.JA3(), h.JA4()
}

// Decrypted implements responder.Log. What was seen of the handshake makes room
// for what is said inside.
func (f *flow) Decrypted(plain net.Conn, serverName string) net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.secure = true
	f.record.SNI, f.record.TLS = serverName, true
	f.ledger.budget.giveBack(f.out.reset() + f.in.reset())
	f.sum = sha256.New()
	f.search.Close()
	f.search = f.ledger.canaries.Search()
	return &tap{Conn: plain, flow: f}
}

// named notes secrets that left in a name, and its zone.
func (f *flow) named(hits []canary.Hit, name string) {
	f.mu.Lock()
	for _, h := range hits {
		f.hits = append(f.hits, placed{h, name})
	}
	f.mu.Unlock()
	if len(hits) > 0 {
		f.ledger.insist(f)
	}
}

// snapshot is the flow as it stands, in times since start.
func (f *flow) snapshot(start time.Time, shift int64) observation.Flow {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.record
	r.FirstMS, r.LastMS = millisSince(start, f.first), millisSince(start, f.last)
	r.Out, r.In = escape(f.out.bytes), escape(f.in.bytes)
	if f.sum != nil && r.App == "raw" && len(f.out.bytes) > 0 {
		r.OutSHA256 = hex.EncodeToString(f.sum.Sum(nil))
	}
	r.Messages = slices.Clone(r.Messages)
	for i := range r.Messages {
		r.Messages[i].TimeMS = max(0, r.Messages[i].TimeMS+shift)
	}
	host := f.host()
	f.search.Flush()
	for _, h := range slices.Concat(f.search.Hits(), f.understood) {
		if c := canaryOf(h, host); !slices.ContainsFunc(r.Canaries, func(o observation.Canary) bool { return o.Name == c.Name && o.Encoding == c.Encoding }) {
			r.Canaries = append(r.Canaries, c)
		}
	}
	for _, p := range f.hits {
		if p.to == host && slices.ContainsFunc(r.Canaries, func(c observation.Canary) bool { return c.Name == p.hit.Name }) {
			continue // it was to be read in the bytes as well
		}
		r.Canaries = append(r.Canaries, canaryOf(p.hit, p.to))
	}
	return r
}

func canaryOf(h canary.Hit, host string) observation.Canary {
	return observation.Canary{Name: h.Name, Encoding: h.Encoding, Owner: h.Owner, OwnDomain: h.Belongs(host)}
}

func millisSince(start, t time.Time) int64 { return max(0, t.Sub(start).Milliseconds()) }

func newRecord(id, proto string, from, to netip.AddrPort) observation.Flow {
	return observation.Flow{
		ID: id, Proto: proto, SrcIP: from.Addr().String(), SrcPort: from.Port(), DstIP: to.Addr().String(), DstPort: to.Port(),
	}
}
