package network

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"

	"golang.org/x/crypto/cryptobyte"

	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
)

// QUIC is not spoken here: a client is told so, and goes on over TCP, where
// everything is understood. Who it wanted is in its first packet, which is
// encrypted with keys that everybody can derive. RFC 9000 §17.2, RFC 9001 §5.

const (
	quicV1     = 1
	quicV2     = 0x6b3343cf // RFC 9369
	quicNobody = 0x1a2a3a4a // RFC 9000 §15: reserved, so that clients do not know it
	quicMin    = 1200       // bytes of a datagram with a first packet
)

// isQUIC tells a first packet: long header, fixed bit, a version that is in use.
func isQUIC(p []byte) bool {
	if len(p) < quicMin || p[0]&0xc0 != 0xc0 {
		return false
	}
	v := binary.BigEndian.Uint32(p[1:])
	return v == quicV1 || v == quicV2 || v>>8 == 0xff0000 || v&0x0f0f0f0f == 0x0a0a0a0a
}

// answerQUIC notes whom the packet is for, and declines all versions. RFC 9000 §17.2.1.
func answerQUIC(p []byte, f *flow) []byte {
	f.App("quic")
	initial, ok := parseInitial(p)
	if !ok {
		return nil
	}
	fields := map[string]string{"version": "0x" + strconv.FormatUint(uint64(initial.version), 16)}
	if crypto, ok := initial.open(); ok {
		if hello, ok := responder.ParseClientHello(crypto); ok {
			hello.QUIC = true
			f.Hello(hello)
			fields["server_name"] = hello.ServerName
		}
	}
	f.Message(true, "initial", fields)
	answer := []byte{0x80, 0, 0, 0, 0, byte(len(initial.source))}
	answer = append(answer, initial.source...)
	answer = append(answer, byte(len(initial.destination)))
	answer = append(answer, initial.destination...)
	return binary.BigEndian.AppendUint32(answer, quicNobody)
}

// initialPacket is a client's first packet. Its slices are of the datagram.
type initialPacket struct {
	version             uint32
	destination, source []byte // connection ids
	header              []byte // up to the packet number
	rest                []byte // packet number and payload, protected
}

func parseInitial(p []byte) (i initialPacket, ok bool) {
	s := cryptobyte.String(p)
	var first uint8
	var destination, source cryptobyte.String
	if !s.ReadUint8(&first) || !s.ReadUint32(&i.version) || !s.ReadUint8LengthPrefixed(&destination) || !s.ReadUint8LengthPrefixed(&source) ||
		len(destination) > 20 || len(source) > 20 {
		return initialPacket{}, false
	}
	i.destination, i.source = destination, source
	kind := first >> 4 & 3
	if i.version == quicV2 {
		kind = (kind + 3) % 4 // RFC 9369 §3.2
	}
	var token, length uint64
	if kind != 0 || !quicInteger(&s, &token) || !s.Skip(int(min(token, quicMin*64))) || !quicInteger(&s, &length) || length > uint64(len(s)) || length < 20 {
		return i, true // known to be QUIC, and no more
	}
	i.header, i.rest = p[:len(p)-len(s)], s[:length]
	return i, true
}

// quicInteger reads a variable-length integer. RFC 9000 §16.
func quicInteger(s *cryptobyte.String, n *uint64) bool {
	var first uint8
	if !s.ReadUint8(&first) {
		return false
	}
	*n = uint64(first & 0x3f)
	for range 1<<(first>>6) - 1 {
		var b uint8
		if !s.ReadUint8(&b) {
			return false
		}
		*n = *n<<8 | uint64(b)
	}
	return true
}

// open decrypts the packet and puts its CRYPTO frames together.
func (i *initialPacket) open() (crypto []byte, ok bool) {
	if len(i.rest) < 20 || len(i.header) == 0 {
		return nil, false
	}
	key, iv, hp, err := i.keys()
	if err != nil {
		return nil, false
	}
	block, err := aes.NewCipher(hp)
	if err != nil {
		return nil, false
	}
	// Header protection, RFC 9001 §5.4: the mask is made of 16 bytes behind the
	// longest packet number.
	var mask [16]byte
	block.Encrypt(mask[:], i.rest[4:20])
	header := bytes.Clone(i.header)
	header[0] ^= mask[0] & 0x0f
	n := int(header[0]&3) + 1
	number := uint64(0)
	for at := range n {
		b := i.rest[at] ^ mask[1+at]
		header = append(header, b)
		number = number<<8 | uint64(b)
	}
	for at := range 8 {
		iv[len(iv)-1-at] ^= byte(number >> (8 * at))
	}
	if block, err = aes.NewCipher(key); err != nil {
		return nil, false
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return nil, false
	}
	frames, err := seal.Open(nil, iv, i.rest[n:], header)
	if err != nil {
		return nil, false
	}
	return quicCrypto(frames)
}

// keys derives what a client's first packets are protected with. RFC 9001 §5.2.
func (i *initialPacket) keys() (key, iv, hp []byte, err error) {
	salt, prefix := []byte("\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a"), "quic "
	if i.version == quicV2 {
		salt, prefix = []byte("\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9"), "quicv2 "
	}
	secret, err := hkdf.Extract(sha256.New, i.destination, salt)
	if err != nil {
		return nil, nil, nil, err
	}
	if secret, err = expand(secret, "client in", sha256.Size); err != nil {
		return nil, nil, nil, err
	}
	if key, err = expand(secret, prefix+"key", 16); err != nil {
		return nil, nil, nil, err
	}
	if iv, err = expand(secret, prefix+"iv", 12); err != nil {
		return nil, nil, nil, err
	}
	hp, err = expand(secret, prefix+"hp", 16)
	return key, iv, hp, err
}

// expand is HKDF-Expand-Label without a context. RFC 8446 §7.1.
func expand(secret []byte, label string, size int) ([]byte, error) {
	label = "tls13 " + label
	info := append([]byte{byte(size >> 8), byte(size), byte(len(label))}, label...)
	return hkdf.Expand(sha256.New, secret, string(append(info, 0)), size)
}

// quicCrypto puts the CRYPTO frames of a packet together, which come in any
// order, as far as they go on from the beginning. RFC 9000 §19.
func quicCrypto(frames []byte) ([]byte, bool) {
	const padding, ping, crypto = 0, 1, 6
	s := cryptobyte.String(frames)
	out, there := make([]byte, len(frames)), make([]bool, len(frames))
	for !s.Empty() {
		var kind, offset, size uint64
		if !quicInteger(&s, &kind) {
			return nil, false
		}
		switch kind {
		case padding, ping:
			continue
		case crypto:
		default: // acknowledgements, an early end: no further hello
			s = nil
			continue
		}
		var data []byte
		if !quicInteger(&s, &offset) || !quicInteger(&s, &size) || offset > uint64(len(frames)) || size > uint64(len(s)) || offset+size > uint64(len(frames)) || !s.ReadBytes(&data, int(size)) {
			return nil, false
		}
		copy(out[offset:], data)
		for i := range data {
			there[int(offset)+i] = true
		}
	}
	n := slices.Index(there, false)
	if n < 0 {
		n = len(there)
	}
	return out[:n], n > 0
}
