package network

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/marker"
	"github.com/sallyport-dev/sallyport/sandbox/network/gateway"
	"github.com/sallyport-dev/sallyport/sandbox/network/recording"
	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
)

// Config is what a World needs. Token and Arch are required.
type Config struct {
	Token    string      // what a marker payload prints when the guest runs it
	Arch     string      // the guest's CPU as Go spells it: amd64 or arm64
	Canaries *canary.Set // secrets looked for in what leaves; nil: none
	Pcap     string      // path of a capture of the link, made anew; empty: none
	Limits   Limits      //

	Recording *recording.Recording // web answers that are given again; nil: none
	Gateway   *gateway.Gateway     // where web requests to the public internet go out; nil: none does

	Rand   io.Reader // for keys; nil: crypto/rand
	Now    func() time.Time
	Logger *slog.Logger
}

// Limits bounds what a World keeps. A zero field means the default. What was
// beyond is counted in Records.Beyond.
type Limits struct {
	Flows    int   // default 20,000
	Queries  int   // DNS; default 20,000
	Requests int   // HTTP; default 5,000
	Messages int   // over all flows; default 50,000
	Excerpts int64 // bytes of first bytes and bodies over all flows; default 64 MiB
	Pcap     int64 // bytes; default 256 MiB
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Flows: or(l.Flows, 20_000), Queries: or(l.Queries, 20_000), Requests: or(l.Requests, 5_000),
		Messages: or(l.Messages, 50_000), Excerpts: or(l.Excerpts, 64<<20), Pcap: or(l.Pcap, 256<<20),
	}
}

func or[T int | int64](v, standard T) T {
	if v == 0 {
		return standard
	}
	return v
}

// World is a running simulated internet for one guest. Its methods are safe
// for concurrent use.
type World struct {
	cfg       Config
	link      Link
	fd        int // our end
	wire      *wire
	stack     *stack.Stack
	authority *authority
	names     *names
	openness  openness
	ledger    *ledger
	datagrams datagrams
	traffic   traffic
	table     *responder.Table
	capture   *capture         // nil: none
	session   *gateway.Session // nil: none
	fetching  atomic.Int64     // requests that went out and have no answer yet

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]struct{}
	talks  sync.WaitGroup
}

// New starts a World. The caller closes it.
func New(cfg Config) (_ *World, err error) {
	if cfg.Token == "" {
		return nil, errors.New("simulated network: no token for the marker payloads")
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Canaries == nil {
		cfg.Canaries = &canary.Set{}
	}
	cfg.Limits = cfg.Limits.withDefaults()

	w := &World{cfg: cfg, fd: -1, names: newNames(cfg.Now), conns: make(map[net.Conn]struct{})}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			_ = w.Close()
		}
	}()
	w.ledger = newLedger(cfg.Limits, cfg.Now, cfg.Canaries)
	w.ledger.traffic = &w.traffic
	w.datagrams.flows = make(map[tuple]*flow)
	if w.authority, err = newAuthority(cfg.Rand, cfg.Now); err != nil {
		return nil, fmt.Errorf("simulated network: %w", err)
	}
	if cfg.Gateway != nil {
		w.session = cfg.Gateway.Session()
	}
	if w.table, err = w.newTable(); err != nil {
		return nil, fmt.Errorf("simulated network: %w", err)
	}
	if cfg.Pcap != "" {
		if w.capture, err = newCapture(cfg.Pcap, cfg.Limits.Pcap); err != nil {
			return nil, fmt.Errorf("simulated network: %w", err)
		}
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("simulated network: link: %w", err)
	}
	w.fd = pair[0]
	w.link = guestLink(os.NewFile(uintptr(pair[1]), "link"))
	for _, end := range pair {
		if err := enlarge(end); err != nil {
			return nil, fmt.Errorf("simulated network: %w", err)
		}
	}
	if err := w.newStack(); err != nil {
		return nil, fmt.Errorf("simulated network: %w", err)
	}
	return w, nil
}

// newTable decides who answers. The order matters where first bytes are alike.
func (w *World) newTable() (*responder.Table, error) {
	ssh, err := responder.NewSSH(w.cfg.Rand)
	if err != nil {
		return nil, err
	}
	programs := make(map[string][]byte, len(marker.Arches))
	for _, arch := range marker.Arches {
		if programs[arch], err = marker.ELF(arch, w.cfg.Token); err != nil {
			return nil, err
		}
	}
	if w.cfg.Arch != "amd64" && w.cfg.Arch != "arm64" {
		return nil, fmt.Errorf("no payload for CPU %q: only amd64 and arm64 guests can be simulated for", w.cfg.Arch)
	}
	var egress responder.Egress // a nil *gateway.Session in it would not be nil
	if w.session != nil {
		egress = &outgoing{session: w.session, under: &w.fetching}
	}
	cipher := &responder.TLS{Certificate: w.authority.certificate}
	return responder.NewTable(
		&nameServer{w},
		cipher,
		responder.NewHTTP(responder.HTTPConfig{
			Payloads: responder.Payloads{Script: marker.Script(w.cfg.Token), ELF: programs, Arch: w.cfg.Arch},
			Secret:   w.cfg.Canaries.Value, Token: w.cfg.Token, Now: w.cfg.Now,
			Resolve:   w.resolveOver,
			Recording: w.cfg.Recording, Egress: egress, Logger: w.cfg.Logger,
		}),
		ssh,
		&responder.Stratum{Now: w.cfg.Now},
		&responder.IRC{Token: w.cfg.Token},
		&responder.Redis{},
		&responder.SMTP{TLS: cipher},
		&responder.FTP{},
		&responder.Telnet{},
		&responder.Tor{}, // before others that begin with zeros
		&responder.Memcached{},
		&responder.Postgres{},
		&responder.MySQL{},
		&responder.MSSQL{},
		&responder.MongoDB{},
		&responder.SOCKS{},
	), nil
}

// Link is the guest's end.
func (w *World) Link() Link { return w.link }

// Resolver is the address for the guest's resolv.conf.
func (w *World) Resolver() netip.Addr { return gateway4 }

// Frames counts what the guest sent so far: while it stays the same, the guest
// says nothing.
func (w *World) Frames() uint64 { return w.wire.frames.Load() }

// Fetching tells whether the guest waits for an answer from outside, which has
// nothing to say on the link until it comes.
func (w *World) Fetching() bool { return w.fetching.Load() > 0 }

// outgoing counts what is being fetched.
type outgoing struct {
	session *gateway.Session
	under   *atomic.Int64
}

// Fetch implements responder.Egress.
func (o *outgoing) Fetch(r *http.Request, name string, to netip.AddrPort) (int, http.Header, []byte, error) {
	o.under.Add(1)
	defer o.under.Add(-1)
	return o.session.Fetch(r, name, to)
}

// enter counts a conversation in, unless the world is ending.
func (w *World) enter() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.talks.Add(1)
	return true
}

// hold remembers conn until release, so that Close can end it.
func (w *World) hold(conn net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[conn] = struct{}{}
}

func (w *World) release(conn net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, conn)
}

// Close ends every conversation, waits for all goroutines, and closes the
// capture and both ends of the link. Records stays usable. Calls after the
// first do nothing.
func (w *World) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	w.mu.Unlock()
	w.cancel()

	if w.stack != nil {
		// In this order: no frame comes in any more and none is in hand, then
		// every endpoint is aborted, which ends its conversation.
		w.wire.stop()
		w.stack.Close()
		w.mu.Lock()
		for conn := range w.conns {
			_ = conn.SetDeadline(time.Unix(1, 0))
		}
		w.mu.Unlock()
		w.talks.Wait()
		w.stack.Wait()
	}
	if w.session != nil {
		w.session.Close()
	}
	var errs []error
	if w.capture != nil {
		errs = append(errs, w.capture.close())
	}
	if w.link.File != nil {
		if err := w.link.File.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if w.fd >= 0 {
		errs = append(errs, unix.Close(w.fd))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close simulated network: %w", err)
	}
	return nil
}
