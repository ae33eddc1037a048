package sensor

import (
	"encoding/binary"
	"sync"
	"unsafe"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/socket"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// maxPayload is how many of a socket's first bytes are told in each direction.
const maxPayload = 256

// The directions.
const (
	sent     = "sent"
	received = "received"
)

// The forms in which a call describes its bytes.
type form int

const (
	buffer   form = iota // pointer and length
	vector               // struct iovec and count
	message              // struct msghdr
	messages             // struct mmsghdr and count: the first of them
)

// payloads remembers whose first bytes were told. It forgets everything when
// it is full: then something is told twice.
type payloads struct {
	mu   sync.Mutex
	seen map[payloadOf]bool
}

type payloadOf struct {
	socket    uintptr // its address, which forget makes good when a socket is new
	direction string
}

const maxSockets = 16 << 10

func (p *payloads) first(s socket.Socket, direction string) bool {
	key := payloadOf{addressOf(s), direction}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen[key] {
		return false
	}
	if p.seen == nil || len(p.seen) >= maxSockets {
		p.seen = map[payloadOf]bool{}
	}
	p.seen[key] = true
	return true
}

// forget is called for every new connection.
func (p *payloads) forget(s socket.Socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.seen, payloadOf{addressOf(s), sent})
	delete(p.seen, payloadOf{addressOf(s), received})
}

// addressOf is where a socket lies in memory. Nothing is read through it.
func addressOf(s socket.Socket) uintptr {
	return uintptr((*[2]unsafe.Pointer)(unsafe.Pointer(&s))[1])
}

// payload tells the first bytes that a call moved over a socket.
func (h *hooks) payload(direction string, how form) func(kernel.SyscallFn) kernel.SyscallFn {
	return func(fn kernel.SyscallFn) kernel.SyscallFn {
		return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
			result, control, err := fn(t, nr, args)
			if s := h.sink.Load(); s != nil && err == nil && int64(result) > 0 {
				s.payload(newCall(t, args), direction, how, int(result))
			}
			return result, control, err
		}
	}
}

func (s *sink) payload(c *call, direction string, how form, n int) {
	c.socket(c.int(0), func(sock socket.Socket) {
		switch family, _, _ := sock.Type(); family {
		case linux.AF_INET, linux.AF_INET6, linux.AF_UNIX:
		default:
			return
		}
		if !s.payloads.first(sock, direction) {
			return
		}
		data := c.moved(how, n)
		if len(data) == 0 {
			return
		}
		ev := &event.Event{Kind: event.Payload, Name: direction, FD: c.int(0), Data: printable(data)}
		ev.Local, ev.Remote = names(c.t, sock)
		s.emit(c.t, ev)
	})
}

// moved reads up to maxPayload of the n bytes, or messages, that a call moved.
func (c *call) moved(how form, n int) []byte {
	switch how {
	case buffer:
		return c.bytesAt(c.args[1], min(n, maxPayload))
	case vector:
		return c.gather(c.args[1], c.args[2], n)
	}
	// struct msghdr: name, its length, iovec, their count, each 8 bytes wide.
	header := c.bytesAt(c.args[1], 60)
	if header == nil {
		return nil
	}
	if how == messages { // struct mmsghdr: the header, then the length of this message
		n = int(binary.NativeEndian.Uint32(header[56:]))
	}
	return c.gather(binary.NativeEndian.Uint64(header[16:]), binary.NativeEndian.Uint64(header[24:]), n)
}

// gather reads up to n bytes that iovecs describe.
func (c *call) gather(vectors, count uint64, n int) []byte {
	var data []byte
	n = min(n, maxPayload)
	for i := uint64(0); i < min(count, 16) && len(data) < n; i++ {
		v := c.bytesAt(vectors+16*i, 16)
		if v == nil {
			break
		}
		size := int(min(binary.NativeEndian.Uint64(v[8:]), uint64(n-len(data))))
		data = append(data, c.bytesAt(binary.NativeEndian.Uint64(v), size)...)
	}
	return data
}
