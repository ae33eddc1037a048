package testenv

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// handedOut are the ports that FreeAddress has returned.
var handedOut sync.Map

// FreeAddress is a loopback address, host:port, on which nobody listens now, and
// which it returns once. The port is below those that the kernel hands out by
// itself: it stays free until it is listened on, and while its program is
// restarted, whatever other tests do meanwhile.
func FreeAddress(t testing.TB) string {
	t.Helper()
	var last error
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(22000))
		if _, taken := handedOut.LoadOrStore(address, true); taken {
			continue
		}
		ln, err := net.Listen("tcp", address)
		if err == nil {
			ln.Close()
			return address
		}
		last = err
	}
	t.Fatalf("no free port on loopback: %v", last)
	return ""
}
