package objects

import (
	"encoding/hex"
	"fmt"
	"strings"
)

const (
	// unfinished is how the filesystem driver's temporary files end: they are
	// seen in folders while somebody writes, and after a crash.
	unfinished = ".tmp"
	// maxComponent leaves room in a file name of 255 bytes for the 41 that the
	// filesystem driver adds to its temporary files.
	maxComponent = 214
	// chunk is where Key cuts a long part.
	chunk = 200

	escape = '_'
	empty  = "_e" // the part "": no escape is one digit long
)

// Key makes one key of any text parts: hosts with ports, repositories, tags,
// digests. Different parts make different keys, Parts gives them back, and no
// key is a folder of another with as many parts. It never fails.
//
// Letters, digits, '-' and inner '.' stand for themselves, other bytes are '_' with
// two hexadecimal digits; a part too long for a file name goes on in the next component after
// a final '_'.
func Key(parts ...string) string {
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteByte('/')
		}
		writePart(&b, part)
	}
	return b.String()
}

func writePart(b *strings.Builder, part string) {
	if part == "" {
		b.WriteString(empty)
		return
	}
	for i, n := 0, 0; i < len(part); i++ {
		if n >= chunk {
			b.WriteString("_/")
			n = 0
		}
		if c := part[i]; plain(c) || c == '.' && n > 0 && !tempEnds(part[i:]) {
			b.WriteByte(c)
			n++
		} else {
			fmt.Fprintf(b, "%c%02x", escape, c)
			n += 3
		}
	}
}

func tempEnds(rest string) bool { return rest == unfinished }

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-'
}

// Parts takes apart what Key made. Errors wrap ErrKey.
func Parts(key string) ([]string, error) {
	var parts []string
	var part strings.Builder
	for component := range strings.SplitSeq(key, "/") {
		rest, more := strings.CutSuffix(component, "_")
		if rest == empty && !more {
			rest = ""
		} else if rest == "" {
			return nil, fmt.Errorf("%w: %q has an empty component", ErrKey, key)
		}
		for rest != "" {
			c := rest[0]
			if c != escape {
				part.WriteByte(c)
				rest = rest[1:]
				continue
			}
			if len(rest) < 3 {
				return nil, fmt.Errorf("%w: %q: '_' needs two hexadecimal digits", ErrKey, key)
			}
			b, err := hex.DecodeString(rest[1:3])
			if err != nil {
				return nil, fmt.Errorf("%w: %q: %v", ErrKey, key, err)
			}
			part.Write(b)
			rest = rest[3:]
		}
		if !more {
			parts = append(parts, part.String())
			part.Reset()
		}
	}
	if part.Len() > 0 {
		return nil, fmt.Errorf("%w: %q ends within a part", ErrKey, key)
	}
	return parts, nil
}
