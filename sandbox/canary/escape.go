package canary

// escape undoes %XX (RFC 3986 §2.1), and \n, \r, \/ and the like of a string in
// JSON (RFC 8259 §7), one character at a time. An incomplete escape stands for
// itself.
type escape struct {
	held [3]byte // characters of an escape that has begun
	n    int
	out  [3]byte
}

// undo takes the next character and returns what is decided by it. The slice is
// valid until the next call.
func (e *escape) undo(c byte) []byte {
	if c == '%' || (c == '\\' && !(e.n == 1 && e.held[0] == '\\')) {
		out := e.out[:copy(e.out[:], e.held[:e.n])]
		e.held[0], e.n = c, 1
		return out
	}
	switch {
	case e.n == 0:
		e.out[0] = c
		return e.out[:1]
	case e.held[0] == '\\':
		e.n = 0
		if c == 'n' || c == 'r' {
			return nil // a line break
		}
		e.out[0] = c
		return e.out[:1]
	case !isHex(c): // %, % and one digit: no escape after all
		n := copy(e.out[:], e.held[:e.n])
		e.out[n] = c
		e.n = 0
		return e.out[:n+1]
	case e.n == 1:
		e.held[1], e.n = c, 2
		return nil
	default:
		e.n = 0
		d := unhex(e.held[1])<<4 | unhex(c)
		if d == '\n' || d == '\r' {
			return nil
		}
		e.out[0] = d
		return e.out[:1]
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	switch {
	case c >= 'a':
		return c - 'a' + 10
	case c >= 'A':
		return c - 'A' + 10
	}
	return c - '0'
}
