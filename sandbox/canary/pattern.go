package canary

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
)

// pattern is one encoding of one secret's needle.
type pattern struct {
	text     []byte
	secret   int // index in the set
	encoding string
	key      []byte // of a masked pattern: what it begins with when it is not masked
}

// maxPattern bounds a pattern's length: the needle in hexadecimal digits.
const maxPattern = 2 * needleLength

// phase tells which characters of bits bits each the bytes from skip to skip+n
// decide alone, when skip bytes of something else come before them (RFC 4648
// §4 and §6: six bits a character in base64, five in base32).
func phase(skip, n, bits int) (start, end int) {
	return (8*skip + bits - 1) / bits, 8 * (skip + n) / bits
}

// phases is what encode makes of needle at each place where it may begin.
func phases(needle string, bits, count int, encode func([]byte) string) []string {
	var list []string
	for skip := range count {
		start, end := phase(skip, len(needle), bits)
		list = append(list, encode([]byte(strings.Repeat("\x00", skip) + needle))[start:end])
	}
	return list
}

func base64Phases(needle string) []string {
	std := phases(needle, 6, 3, base64.RawStdEncoding.EncodeToString)
	return append(std, phases(needle, 6, 3, base64.RawURLEncoding.EncodeToString)...)
}

func base32Phases(needle string) []string {
	none := base32.NoPadding
	list := phases(needle, 5, 5, base32.StdEncoding.WithPadding(none).EncodeToString)
	list = append(list, phases(needle, 5, 5, base32.HexEncoding.WithPadding(none).EncodeToString)...)
	for _, upper := range list {
		list = append(list, strings.ToLower(upper)) // names have no case
	}
	return list
}

func reversed(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// patterns lists every form of every needle that shows by itself.
func patterns(secrets []Secret) []pattern {
	var all []pattern
	for i, s := range secrets {
		if s.needle == "" {
			continue
		}
		seen := map[string]bool{}
		add := func(encoding string, texts ...string) {
			for _, text := range texts {
				if !seen[text] {
					seen[text] = true
					all = append(all, pattern{text: []byte(text), secret: i, encoding: encoding})
				}
			}
		}
		lower := hex.EncodeToString([]byte(s.needle))
		add("raw", s.needle, strings.ToLower(s.needle), strings.ToUpper(s.needle))
		add("base64", base64Phases(s.needle)...)
		add("hex", lower, strings.ToUpper(lower))
		add("base32", base32Phases(s.needle)...)
		add("reversed", reversed(s.needle))
		for _, text := range base64Phases(s.needle) {
			add("base64+reversed", reversed(text))
		}
		add("reversed+base64", base64Phases(reversed(s.needle))...)
	}
	return all
}

// maskLength is the length of the masks that are seen through, and of its
// divisors: one, two and four bytes, the last being what WebSocket does to all
// that a client says (RFC 6455 §5.3).
const maskLength = 4

// masked lists what is left of needles when each byte is combined with the one
// maskLength before: a mask that repeats falls out.
func masked(secrets []Secret) []pattern {
	var all []pattern
	for i, s := range secrets {
		if s.needle == "" {
			continue
		}
		seen := map[string]bool{}
		for _, text := range append([]string{s.needle}, base64Phases(s.needle)...) {
			if !seen[text] {
				seen[text] = true
				b := []byte(text)
				all = append(all, pattern{text: unmask(nil, b), secret: i, encoding: "xor", key: b[:maskLength]})
			}
		}
	}
	return all
}
