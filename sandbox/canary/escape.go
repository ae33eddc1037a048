package canary

// escape undoes %XX (RFC 3986 §2.1), and \n, \r, \/, \u00XX and the like of a
// string in JSON (RFC 8259 §7). An incomplete escape stands for itself.
type escape struct {
	held [6]byte // characters of an escape that has begun
	n    int
}

// undo appends what is decided by the next piece of a text.
func (e *escape) undo(dst, p []byte) []byte {
	for i, c := range p {
		if e.n == 0 && c != '%' && c != '\\' {
			dst = append(dst, c)
			continue
		}
		dst = e.next(dst, p[i])
	}
	return dst
}

func (e *escape) next(dst []byte, c byte) []byte {
	switch {
	case e.n == 0:
		return e.begin(dst, c)
	case e.held[0] == '%':
		return e.percent(dst, c)
	case e.n == 1: // after a backslash
		switch c {
		case 'u':
			e.held[e.n] = c
			e.n++
			return dst
		case '%':
			return e.begin(dst, c)
		}
		e.n = 0
		if c == 'n' || c == 'r' {
			return dst
		}
		return append(dst, c)
	case !isHex(c): // \u and fewer than four digits
		return e.begin(dst, c)
	case e.n < 5:
		e.held[e.n] = c
		e.n++
		return dst
	}
	high, low := unhex(e.held[2])<<4|unhex(e.held[3]), unhex(e.held[4])<<4|unhex(c)
	e.n = 0
	if high != 0 {
		return append(dst, 0xff) // no character of an encoding
	}
	return unbroken(dst, low)
}

func (e *escape) percent(dst []byte, c byte) []byte {
	switch {
	case !isHex(c):
		return e.begin(dst, c)
	case e.n == 1:
		e.held[1], e.n = c, 2
		return dst
	}
	e.n = 0
	return unbroken(dst, unhex(e.held[1])<<4|unhex(c))
}

// begin takes the first character of an escape, whatever was held.
func (e *escape) begin(dst []byte, c byte) []byte {
	dst = append(dst, e.held[:e.n]...)
	e.n = 0
	if c != '%' && c != '\\' {
		return append(dst, c)
	}
	e.held[0], e.n = c, 1
	return dst
}

// unbroken leaves line breaks out.
func unbroken(dst []byte, c byte) []byte {
	if c == '\n' || c == '\r' {
		return dst
	}
	return append(dst, c)
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
