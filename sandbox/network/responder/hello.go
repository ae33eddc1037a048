package responder

import (
	"crypto/md5" //nolint:gosec // what JA3 is defined with
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/cryptobyte"
)

// ClientHello is how a guest begins TLS, as far as it tells who is speaking.
// RFC 8446 §4.1.2.
type ClientHello struct {
	ServerName string
	Protocols  []string // ALPN, RFC 7301
	QUIC       bool     // it came in QUIC rather than over TCP
	Whole      bool     // nothing of it was missing

	version    uint16
	versions   []uint16
	ciphers    []uint16
	extensions []uint16
	groups     []uint16
	points     []uint8
	signatures []uint16
}

// The extensions that are read.
const (
	extServerName = 0
	extGroups     = 10
	extPoints     = 11
	extSignatures = 13
	extALPN       = 16
	extVersions   = 43
)

// ParseClientHello reads a handshake message, from its type on, as far as it is
// there. It is false for what is none.
func ParseClientHello(message []byte) (h ClientHello, ok bool) {
	s := cryptobyte.String(message)
	var kind uint8
	var body, random, id, ciphers, compressions, extensions cryptobyte.String
	if !s.ReadUint8(&kind) || kind != 1 || !s.Skip(3) || !begun(&s, int(number24(message)), &body) ||
		!body.ReadUint16(&h.version) || !body.ReadBytes((*[]byte)(&random), 32) || !body.ReadUint8LengthPrefixed(&id) ||
		!body.ReadUint16LengthPrefixed(&ciphers) || !body.ReadUint8LengthPrefixed(&compressions) {
		return ClientHello{}, false
	}
	h.ciphers = numbers(ciphers)
	h.Whole = len(message) >= 4 && len(message)-4 >= int(number24(message))
	if body.Empty() { // before TLS 1.2 there need not be any
		return h, true
	}
	var size uint16
	if !body.ReadUint16(&size) || !begun(&body, int(size), &extensions) {
		return ClientHello{}, false
	}
	for !extensions.Empty() {
		var number uint16
		var data cryptobyte.String
		if !extensions.ReadUint16(&number) || !extensions.ReadUint16LengthPrefixed(&data) {
			h.Whole = false
			return h, true
		}
		h.extensions = append(h.extensions, number)
		h.extension(number, data)
	}
	return h, true
}

// number24 is the length that a handshake message says it has.
func number24(message []byte) uint32 {
	if len(message) < 4 {
		return 0
	}
	return uint32(message[1])<<16 | uint32(message[2])<<8 | uint32(message[3])
}

// begun reads n bytes, or as many as there are.
func begun(s *cryptobyte.String, n int, out *cryptobyte.String) bool {
	return s.ReadBytes((*[]byte)(out), min(n, len(*s)))
}

// extension reads what is known; what is broken stays empty.
func (h *ClientHello) extension(number uint16, data cryptobyte.String) {
	var list cryptobyte.String
	switch number {
	case extServerName:
		var kind uint8
		var name cryptobyte.String
		if data.ReadUint16LengthPrefixed(&list) && list.ReadUint8(&kind) && kind == 0 && list.ReadUint16LengthPrefixed(&name) {
			h.ServerName = strings.ToLower(clip(string(name)))
		}
	case extALPN:
		if !data.ReadUint16LengthPrefixed(&list) {
			return
		}
		for name := (cryptobyte.String)(nil); list.ReadUint8LengthPrefixed(&name) && len(h.Protocols) < 32; {
			h.Protocols = append(h.Protocols, clip(string(name)))
		}
	case extGroups:
		if data.ReadUint16LengthPrefixed(&list) {
			h.groups = numbers(list)
		}
	case extSignatures:
		if data.ReadUint16LengthPrefixed(&list) {
			h.signatures = numbers(list)
		}
	case extVersions:
		if data.ReadUint8LengthPrefixed(&list) {
			h.versions = numbers(list)
		}
	case extPoints:
		if data.ReadUint8LengthPrefixed(&list) {
			h.points = list
		}
	}
}

func numbers(s cryptobyte.String) (list []uint16) {
	for n := uint16(0); s.ReadUint16(&n); {
		list = append(list, n)
	}
	return list
}

// grease is values that clients throw in so that servers stay tolerant. RFC 8701.
func grease(n uint16) bool { return n&0x0f0f == 0x0a0a && n>>8 == n&0xff }

func without(list []uint16, drop ...uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(list), func(n uint16) bool { return grease(n) || slices.Contains(drop, n) })
}

// JA3 is the fingerprint by Salesforce: 32 hexadecimal digits. Both fingerprints
// are empty for a message that is not whole.
func (h *ClientHello) JA3() string {
	if !h.Whole {
		return ""
	}
	decimal := func(list []uint16) string {
		words := make([]string, len(list))
		for i, n := range list {
			words[i] = strconv.Itoa(int(n))
		}
		return strings.Join(words, "-")
	}
	points := make([]uint16, len(h.points))
	for i, n := range h.points {
		points[i] = uint16(n)
	}
	sum := md5.Sum([]byte(strings.Join([]string{ //nolint:gosec
		strconv.Itoa(int(h.version)), decimal(without(h.ciphers)), decimal(without(h.extensions)), decimal(without(h.groups)), decimal(points),
	}, ",")))
	return hex.EncodeToString(sum[:])
}

// JA4 is the fingerprint by FoxIO, which does not depend on the order of
// ciphers and extensions.
func (h *ClientHello) JA4() string {
	if !h.Whole {
		return ""
	}
	transport, name := "t", "i"
	if h.QUIC {
		transport = "q"
	}
	if slices.Contains(h.extensions, extServerName) {
		name = "d"
	}
	version := h.version
	if list := without(h.versions); len(list) > 0 {
		version = slices.Max(list)
	}
	short, ok := map[uint16]string{0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}[version]
	if !ok {
		short = "00"
	}
	alpn := "00"
	if len(h.Protocols) > 0 && h.Protocols[0] != "" {
		p := h.Protocols[0]
		alpn = string([]byte{p[0], p[len(p)-1]})
		if !alphanumeric(p[0]) || !alphanumeric(p[len(p)-1]) {
			digits := hex.EncodeToString([]byte(p))
			alpn = digits[:1] + digits[len(digits)-1:]
		}
	}
	ciphers, extensions := without(h.ciphers), without(h.extensions)
	sorted := hexadecimal(slices.Sorted(slices.Values(ciphers)))
	rest := hexadecimal(slices.Sorted(slices.Values(without(h.extensions, extServerName, extALPN))))
	if signatures := without(h.signatures); len(signatures) > 0 {
		rest += "_" + hexadecimal(signatures)
	}
	return fmt.Sprintf("%s%s%s%02d%02d%s_%s_%s", transport, short, name, min(len(ciphers), 99), min(len(extensions), 99), alpn,
		cut(sorted, len(ciphers)), cut(rest, len(extensions)))
}

// cut is the beginning of a list's hash, zeros for none.
func cut(list string, n int) string {
	if n == 0 {
		return strings.Repeat("0", 12)
	}
	sum := sha256.Sum256([]byte(list))
	return hex.EncodeToString(sum[:])[:12]
}

func hexadecimal(list []uint16) string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = fmt.Sprintf("%04x", n)
	}
	return strings.Join(words, ",")
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
