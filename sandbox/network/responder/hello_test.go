package responder

import (
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
)

// hello is a ClientHello with these numbers, and empty extensions but for those
// that fingerprints read.
func hello(version uint16, ciphers, extensions, groups, signatures, versions []uint16, protocols []string) []byte {
	list := func(b *cryptobyte.Builder, numbers []uint16) {
		for _, n := range numbers {
			b.AddUint16(n)
		}
	}
	var b cryptobyte.Builder
	b.AddUint8(1)
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint16(version)
		b.AddBytes(make([]byte, 32))
		b.AddUint8LengthPrefixed(func(*cryptobyte.Builder) {})
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { list(b, ciphers) })
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint8(0) })
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			for _, e := range extensions {
				b.AddUint16(e)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
					switch e {
					case extServerName:
						b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
							b.AddUint8(0)
							b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("A.example")) })
						})
					case extGroups:
						b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { list(b, groups) })
					case extSignatures:
						b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { list(b, signatures) })
					case extVersions:
						b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { list(b, versions) })
					case extPoints:
						b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddUint8(0) })
					case extALPN:
						b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
							for _, p := range protocols {
								b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(p)) })
							}
						})
					}
				})
			}
		})
	})
	return b.BytesOrPanic()
}

// The examples in the descriptions of the two fingerprints.
func TestFingerprints(t *testing.T) {
	old, ok := ParseClientHello(hello(769, []uint16{47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4}, []uint16{0, 10, 11}, []uint16{23, 24, 25}, nil, nil, nil))
	if got := old.JA3(); !ok || got != "ada70206e40642a3e4461f35503241d5" || old.ServerName != "a.example" {
		t.Errorf("JA3 %s of %+v", got, old)
	}
	browser, ok := ParseClientHello(hello(0x0303,
		[]uint16{0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035},
		[]uint16{0x1a1a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0xdada},
		[]uint16{0x3a3a, 0x001d}, []uint16{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601}, []uint16{0x4a4a, 0x0304, 0x0303}, []string{"h2", "http/1.1"}))
	if got := browser.JA4(); !ok || got != "t13d1516h2_8daaf6152771_e5627efa2ab1" {
		t.Errorf("JA4 %s of %+v", got, browser)
	}
}

func TestTheBeginningOfAHelloTellsItsName(t *testing.T) {
	whole := hello(0x0303, []uint16{0x1301}, []uint16{extServerName, extALPN, extGroups}, []uint16{29}, nil, nil, []string{"h3"})
	h, ok := ParseClientHello(whole[:len(whole)-5])
	if !ok || h.Whole || h.ServerName != "a.example" || h.JA3() != "" || h.JA4() != "" {
		t.Errorf("%t %+v", ok, h)
	}
	for n := range 40 {
		if _, ok := ParseClientHello(whole[:n]); ok {
			t.Errorf("%d bytes are taken for a hello", n)
		}
	}
}

func FuzzClientHello(f *testing.F) {
	f.Add(hello(0x0303, []uint16{0x1301, 0x0a0a}, []uint16{0, 16, 43, 10, 11, 13}, []uint16{29}, []uint16{0x0403}, []uint16{0x0304}, []string{"", "h2"}))
	f.Add([]byte{1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, message []byte) {
		h, ok := ParseClientHello(message)
		if !ok {
			return
		}
		if len(h.ServerName) > maxField || len(h.Protocols) > 32 {
			t.Fatalf("%d bytes of a name, %d protocols", len(h.ServerName), len(h.Protocols))
		}
		if j := h.JA4(); h.Whole && (len(h.JA3()) != 32 || strings.Count(j, "_") != 2 || len(j) != 36) {
			t.Fatalf("%q, %q", h.JA3(), j)
		}
	})
}
