package network

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// Config is what a World needs. Token and Arch are required.
type Config struct {
	Token    string      // what a marker payload prints when the guest runs it
	Arch     string      // the guest's CPU as Go spells it: amd64 or arm64
	Canaries *canary.Set // secrets looked for in what leaves; nil: none
	Pcap     string      // path of a capture of the link, made anew; empty: none
	Limits   Limits      //
	Rand     io.Reader   // for keys; nil: crypto/rand
	Now      func() time.Time
	Logger   *slog.Logger
}

// Limits bounds what a World keeps. A zero field means the default. What was
// beyond is counted in Records.Beyond.
type Limits struct {
	Flows    int   // default 20,000
	Queries  int   // DNS; default 20,000
	Requests int   // HTTP; default 5,000
	Excerpts int64 // bytes of first bytes and bodies over all flows; default 64 MiB
	Pcap     int64 // bytes; default 256 MiB
}

// World is a running simulated internet for one guest. Its methods are safe
// for concurrent use.
type World struct {
	link Link
}

// New starts a World. The caller closes it.
func New(cfg Config) (*World, error) { return nil, errors.ErrUnsupported }

// Link is the guest's end.
func (w *World) Link() Link { return w.link }

// Resolver is the address for the guest's resolv.conf.
func (w *World) Resolver() netip.Addr { return gateway4 }

// Dial connects to a port of the guest, from the gateway's address. The flow is
// recorded as inbound and a probe. The error is a *net.OpError when nothing
// listens there.
func (w *World) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	return nil, errors.ErrUnsupported
}

// CA is the certificate, PEM, of the authority that signs for every name.
func (w *World) CA() []byte { return nil }

// Bundle appends CA to a certificate bundle of the image, which may be nil.
func (w *World) Bundle(existing []byte) []byte { return nil }

// Environment names the bundle at BundlePath in the variables by which the
// usual programs find one. Elements are KEY=VALUE.
func (w *World) Environment() []string { return nil }

// BundlePath is where the guest must find the result of Bundle.
const BundlePath = "/etc/ssl/certs/ca-certificates.crt"

// BundlePaths are the places where distributions keep their bundle. Each one
// that the image has should be replaced by its Bundle.
func BundlePaths() []string { return nil }

// Records are what the guest did so far. Times are relative to since, which is
// the start of the run. Flows still open are included as they stand.
func (w *World) Records(since time.Time) Records { return Records{} }

// Records is what crossed the link, in order of time. Process fields are empty:
// the network does not see who sent.
type Records struct {
	Flows  []observation.Flow
	DNS    []observation.DNSQuery
	HTTP   []observation.HTTP
	Beyond Beyond
}

// Beyond counts what came after the limits and was answered but not kept.
type Beyond struct {
	Flows, DNS, HTTP, Messages int64
	Bytes                      int64 // of excerpts and bodies
}

// Close ends every conversation, waits for all goroutines, and closes the
// capture and both ends of the link. Records stays usable.
func (w *World) Close() error { return nil }
