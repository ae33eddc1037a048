package gate

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Balancer spreads TCP connections over replicas, as a Service does: those that
// refuse connections are passed over.
type Balancer struct {
	Address string // host:port

	ln       net.Listener
	replicas []string
	next     atomic.Int64
	closed   atomic.Bool // by Cut: no connection is taken

	mu    sync.Mutex
	conns map[net.Conn]bool
	wait  sync.WaitGroup
}

// StartBalancer spreads connections over replicas (host:port) until the test ends.
func StartBalancer(t testing.TB, replicas ...string) *Balancer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &Balancer{Address: ln.Addr().String(), ln: ln, replicas: replicas, conns: map[net.Conn]bool{}}
	b.wait.Go(b.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		b.drop()
		b.wait.Wait()
	})
	return b
}

// Cut drops all connections and takes no new ones until Mend.
func (b *Balancer) Cut() { b.closed.Store(true); b.drop() }

// Mend is the end of Cut.
func (b *Balancer) Mend() { b.closed.Store(false) }

func (b *Balancer) accept() {
	for {
		client, err := b.ln.Accept()
		if err != nil {
			return
		}
		b.wait.Go(func() { b.serve(client) })
	}
}

func (b *Balancer) serve(client net.Conn) {
	defer client.Close()
	server := b.dial()
	if server == nil {
		return
	}
	defer server.Close()
	b.keep(client, true)
	defer b.keep(client, false)
	if b.closed.Load() {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(client, server)
	_ = client.Close()
	<-done
}

func (b *Balancer) dial() net.Conn {
	first := int(b.next.Add(1)) // each once, however many connections are made at the same time
	for i := range b.replicas {
		if b.closed.Load() {
			return nil
		}
		replica := b.replicas[(first+i)%len(b.replicas)]
		if server, err := net.DialTimeout("tcp", replica, 10*time.Second); err == nil {
			return server
		}
	}
	return nil
}

func (b *Balancer) keep(c net.Conn, on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if on {
		b.conns[c] = true
	} else {
		delete(b.conns, c)
	}
}

func (b *Balancer) drop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		_ = c.Close()
	}
}
