package endpoint

import (
	"context"
	"net"
	"testing"
)

// TestLoyal: a name of two addresses, of which one refuses connections, leads
// to the other, and stays there.
func TestLoyal(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	for range 8 { // the order is random
		l := &loyal{lookup: func(context.Context, string) ([]string, error) { return []string{"127.0.0.2", "127.0.0.1"}, nil }}
		for range 3 {
			conn, err := l.dial(t.Context(), "tcp", "sandbox.example:"+port)
			if err != nil {
				t.Fatal(err)
			}
			if got := conn.RemoteAddr().String(); got != ln.Addr().String() {
				t.Errorf("dialled %s", got)
			}
			conn.Close()
			l.lookup = func(context.Context, string) ([]string, error) { return []string{"127.0.0.3"}, nil }
		}
	}
}

// TestLoyalSpreads: clients of one name do not all choose the same address.
func TestLoyalSpreads(t *testing.T) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	_, port, _ := net.SplitHostPort(first.Addr().String())
	second, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		t.Skipf("the same port on another loopback address: %v", err)
	}
	defer second.Close()
	seen := map[string]bool{}
	for range 64 {
		l := &loyal{lookup: func(context.Context, string) ([]string, error) { return []string{"127.0.0.1", "127.0.0.2"}, nil }}
		conn, err := l.dial(t.Context(), "tcp", "sandbox.example:"+port)
		if err != nil {
			t.Fatal(err)
		}
		seen[conn.RemoteAddr().String()] = true
		conn.Close()
	}
	if len(seen) != 2 {
		t.Errorf("64 clients reached only %v", seen)
	}
}
