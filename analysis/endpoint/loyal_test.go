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
	port := ""
	for try := 1; port == ""; try++ { // one that is free on both addresses
		first, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer first.Close()
		_, free, _ := net.SplitHostPort(first.Addr().String())
		second, err := net.Listen("tcp", "127.0.0.2:"+free)
		switch {
		case err == nil:
			defer second.Close()
			port = free
		case try == 50:
			t.Fatalf("no port is free on two loopback addresses: %v", err)
		}
	}
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
