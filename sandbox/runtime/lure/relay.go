package lure

import (
	gocontext "context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/context"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/socket/unix/transport"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
	"gvisor.dev/gvisor/pkg/syserr"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/waiter"
)

// listener is the socket in the file system. What connects to it goes through
// BidirectionalConnect, in the task that does.
type listener struct {
	transport.Endpoint
	ctx     context.Context
	stack   *stack.Stack
	socket  Socket
	relayed func(Relay)

	mu   sync.Mutex
	made chan *relay // in the order in which they are accepted
}

// relay is a connection on its way.
type relay struct{ out net.Conn }

// dialLimit is how long a task waits for the network; it is in memory.
const dialLimit = 2 * time.Second

func (l *listener) open(t *kernel.Task) error {
	if err := l.Endpoint.Bind(transport.Address{Addr: l.socket.Path}); err != nil {
		return err.ToError()
	}
	if err := l.Listen(l.ctx, backlog); err != nil {
		return err.ToError()
	}
	return node(t, l.socket.Path, &vfs.MknodOptions{Mode: linux.S_IFSOCK | 0o666, Endpoint: l})
}

// BidirectionalConnect implements transport.BoundEndpoint.
func (l *listener) BidirectionalConnect(ctx context.Context, ce transport.ConnectingEndpoint, returnConnect func(transport.Receiver, transport.Sender)) *syserr.Error {
	limit, cancel := gocontext.WithTimeout(gocontext.Background(), dialLimit)
	defer cancel()
	to := tcpip.FullAddress{Addr: tcpip.AddrFromSlice(l.socket.To.Addr().AsSlice()), Port: l.socket.To.Port()}
	out, err := gonet.DialContextTCP(limit, l.stack, to, ipv4.ProtocolNumber)
	if err != nil {
		return syserr.ErrConnectionRefused
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.bound().BidirectionalConnect(ctx, ce, returnConnect); err != nil {
		out.Close()
		return err
	}
	l.made <- &relay{out} // as many as may wait to be accepted
	if t := kernel.TaskFromContext(ctx); t != nil && l.relayed != nil {
		local, _ := netip.ParseAddrPort(out.LocalAddr().String())
		l.relayed(Relay{Task: t, Path: l.socket.Path, Local: local, Remote: l.socket.To})
	}
	return nil
}

func (l *listener) bound() transport.BoundEndpoint { return l.Endpoint.(transport.BoundEndpoint) }

// UnidirectionalConnect implements transport.BoundEndpoint.
func (l *listener) UnidirectionalConnect(ctx context.Context) (transport.Sender, *syserr.Error) {
	return l.bound().UnidirectionalConnect(ctx)
}

// Release implements transport.BoundEndpoint. The socket stays until the end.
func (l *listener) Release(context.Context) {}

// serve accepts what connects, and carries bytes both ways. It ends with the Sentry.
func (l *listener) serve() {
	for r := range l.made {
		in := &end{ctx: l.ctx}
		var err *syserr.Error
		if in.Endpoint, err = l.Accept(l.ctx, nil); err != nil {
			r.out.Close()
			continue
		}
		go func() {
			var ways sync.WaitGroup
			ways.Go(func() {
				_, _ = io.Copy(r.out, in) // a client that goes away
				if c, ok := r.out.(interface{ CloseWrite() error }); ok {
					_ = c.CloseWrite()
				}
			})
			ways.Go(func() {
				_, _ = io.Copy(in, r.out)
				_ = in.Shutdown(tcpip.ShutdownWrite)
			})
			ways.Wait()
			in.Close(l.ctx)
			r.out.Close()
		}()
	}
}

// end is our end of a connection, as a stream.
type end struct {
	transport.Endpoint
	ctx context.Context
}

// Read implements io.Reader.
func (e *end) Read(p []byte) (int, error) {
	for {
		out, notify, err := e.RecvMsg(e.ctx, [][]byte{p}, transport.RecvArgs{})
		if notify != nil {
			notify()
		}
		switch {
		case err == syserr.ErrWouldBlock || err == syserr.ErrTryAgain:
			e.await(waiter.ReadableEvents)
		case err != nil:
			return 0, io.EOF
		case out.RecvLen == 0:
			return 0, io.EOF
		default:
			return int(out.RecvLen), nil
		}
	}
}

// Write implements io.Writer.
func (e *end) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, notify, err := e.SendMsg(e.ctx, [][]byte{p[done:]}, transport.ControlMessages{}, nil)
		if notify != nil {
			notify()
		}
		done += int(n)
		switch {
		case err == syserr.ErrWouldBlock || err == syserr.ErrTryAgain:
			e.await(waiter.WritableEvents)
		case err != nil:
			return done, io.ErrClosedPipe
		}
	}
	return done, nil
}

// await waits until the endpoint may be ready, or is closed.
func (e *end) await(events waiter.EventMask) {
	events |= waiter.EventHUp | waiter.EventErr
	entry, ready := waiter.NewChannelEntry(events)
	if e.EventRegister(&entry) != nil {
		return
	}
	defer e.EventUnregister(&entry)
	if e.Readiness(events) == 0 {
		<-ready
	}
}
