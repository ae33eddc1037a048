package network

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
)

// initial is the client's first packet of RFC 9001, Appendix A.2.
func initial(t testing.TB) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/quic-initial.hex")
	if err != nil {
		t.Fatal(err)
	}
	p, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAFirstPacketTellsWhomItIsFor(t *testing.T) {
	p := initial(t)
	if !isQUIC(p) {
		t.Fatal("not taken for QUIC")
	}
	i, ok := parseInitial(p)
	if !ok || i.version != quicV1 || !bytes.Equal(i.destination, []byte("\x83\x94\xc8\xf0\x3e\x51\x57\x08")) || len(i.source) != 0 {
		t.Fatalf("%+v", i)
	}
	crypto, ok := i.open()
	if !ok {
		t.Fatal("cannot be decrypted")
	}
	h, ok := responder.ParseClientHello(crypto)
	h.QUIC = true
	if !ok || h.ServerName != "example.com" || len(h.Protocols) != 1 || h.Protocols[0] != "alpn" || !strings.HasPrefix(h.JA4(), "q13d0211an_") {
		t.Errorf("%+v, %s", h, h.JA4())
	}
	// One bit in the wrong place, and nobody can tell.
	p[100] ^= 1
	if i, _ := parseInitial(p); true {
		if _, ok := i.open(); ok {
			t.Error("a damaged packet was decrypted")
		}
	}
}

func TestFramesInAnyOrder(t *testing.T) {
	for name, c := range map[string]struct {
		frames, want string
		ok           bool
	}{
		"one":                 {"\x06\x00\x03abc", "abc", true},
		"padding and pings":   {"\x00\x00\x01\x06\x00\x03abc\x00\x00", "abc", true},
		"the second first":    {"\x06\x03\x03def\x06\x00\x03abc", "abcdef", true},
		"twice the same":      {"\x06\x00\x03abc\x06\x01\x03bcd", "abcd", true},
		"one is missing":      {"\x06\x00\x01a\x06\x02\x01c", "a", true},
		"the first is":        {"\x06\x02\x01c", "", false},
		"acknowledged before": {"\x06\x00\x01a\x02\x00\x00\x00\x00", "a", true},
		"longer than it is":   {"\x06\x00\x09abc", "", false},
		"far away":            {"\x06\xff\xff\xff\xff\xff\xff\xff\xff\x01a", "", false},
		"half a number":       {"\x06\x40", "", false},
	} {
		got, ok := quicCrypto([]byte(c.frames))
		if ok != c.ok || ok && string(got) != c.want {
			t.Errorf("%s: %q %t", name, got, ok)
		}
	}
}

// Whatever a datagram says, what is said back is short and for the same connection.
func FuzzQUIC(f *testing.F) {
	f.Add(initial(f))
	f.Add(append([]byte("\xc3\x6b\x33\x43\xcf\x08abcdefgh\x00\x00\x44\x9e"), make([]byte, 1200)...))
	f.Add(append([]byte("\xff\xff\x00\x00\x1d\x14"), make([]byte, 1300)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, p []byte) {
		if !isQUIC(p) {
			return
		}
		l := newLedger(Limits{}.withDefaults(), time.Now, &canary.Set{})
		fl := l.open("udp", netip.MustParseAddrPort("172.17.0.2:4711"), netip.MustParseAddrPort("198.51.100.1:443"))
		answer := answerQUIC(p, fl)
		if len(answer) > 64 || answer != nil && !bytes.Equal(answer[1:5], make([]byte, 4)) {
			t.Fatalf("answered %x", answer)
		}
		if fl.record.App != "quic" {
			t.Fatalf("is %s", fl.record.App)
		}
	})
}
