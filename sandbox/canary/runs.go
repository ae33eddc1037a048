package canary

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// minRun is how long a run of digits must be to be decoded: shorter ones cannot
// hold anything packed, and what is not packed shows by itself.
const minRun = 64

// runs decodes long runs of base64 and hexadecimal digits. Where one begins is
// where decoding begins. Something packed may begin elsewhere, after a slash of
// a path, say, which is a digit too: from where its first digits seem to be, the
// run is decoded once more beside that, until it turns out to be nothing of the
// kind.
type runs struct {
	head   [minRun]byte // of a run that may become long enough
	n      int          // digits of the run so far, minRun when there are more
	hex    bool         // all of them are hexadecimal
	base64 digits
	beside [4]digits // base64 that begins so many digits, modulo 4, after the run; the first is not used
	base16 digits

	at    int     // digits that were decoded, modulo 4
	last  [3]byte // the last of them as they were written
	lasts int
}

// digits is a run under way in one of its readings.
type digits struct {
	in  *Search // nil: not read so
	acc uint32
	n   int // digits in acc
}

// read goes through the next piece of a text.
func (r *runs) read(f *Search, text []byte, room *room) {
	if f.depth >= maxDepth {
		return
	}
	for len(text) > 0 {
		if r.n == 0 { // most of what there is lies between runs
			// A run that is long enough has one of every minRun places.
			for len(text) > minRun && values[text[minRun-1]] == none {
				text = text[minRun:]
			}
			i := slices.IndexFunc(text, func(c byte) bool { return values[c] != none })
			if i < 0 {
				return
			}
			text = text[i:]
			r.hex = true
		}
		n := 0
		for n < len(text) && values[text[n]] != none {
			n++
		}
		r.digits(f, text[:n], room)
		if n < len(text) {
			r.end()
			n++
		}
		text = text[n:]
	}
}

func (r *runs) digits(f *Search, text []byte, room *room) {
	if r.n < minRun {
		n := copy(r.head[r.n:], text)
		for _, c := range text[:n] {
			r.hex = r.hex && isHex(c)
		}
		r.n += n
		text = text[n:]
		if r.n < minRun {
			return
		}
		r.base64 = digits{in: f.inner("base64")}
		if r.hex {
			r.base16 = digits{in: f.inner("hex")}
		}
		r.decode(f, r.head[:], room)
	}
	if len(text) > 0 {
		r.decode(f, text, room)
	}
}

func (r *runs) decode(f *Search, text []byte, room *room) {
	if r.base64.in != nil {
		room.digits = r.base64.decode64(text, room.digits[:0])
		r.lookBeside(f, text, room)
	}
	if r.base16.in != nil {
		room.digits = r.base16.decode16(text, room.digits[:0])
	}
}

// lookBeside decodes text in its other readings.
func (r *runs) lookBeside(f *Search, text []byte, room *room) {
	for i := range r.beside {
		if r.beside[i].in != nil {
			r.more(&r.beside[i], text, room)
		}
	}
	joined := append(append(room.marks[:0], r.last[:r.lasts]...), text...)
	room.marks = joined
	for from := 0; from < len(joined); {
		begin := from + nextPacked(joined[from:])
		if begin == len(joined) {
			break
		}
		// What begins on a step of a reading shows in that reading.
		step := (r.at - r.lasts + begin + 4) % 4
		if d := &r.beside[step]; step != 0 && d.in == nil {
			d.in = f.inner("base64")
			r.more(d, joined[begin:], room)
		}
		from = begin + 1
	}
	r.at = (r.at + len(text)) % 4
	r.lasts = copy(r.last[:], joined[max(0, len(joined)-len(r.last)):])
}

// more decodes text, and ends a reading in which nothing is packed.
func (r *runs) more(d *digits, text []byte, room *room) {
	room.digits = d.decode64(text, room.digits[:0])
	if d.in.packed.begun && d.in.packed.format == nil {
		d.in.Close()
		*d = digits{}
	}
}

// decode64 hands on what four digits at a time stand for. out is room for it.
func (d *digits) decode64(text, out []byte) []byte {
	out = d.fours(out, text)
	_, _ = d.in.Write(out)
	return out
}

// four takes a digit, and appends what four of them stand for.
func (d *digits) four(out []byte, c byte) []byte {
	d.acc = d.acc<<6 | uint32(values[c])
	if d.n++; d.n == 4 {
		out = append(out, byte(d.acc>>16), byte(d.acc>>8), byte(d.acc))
		d.n, d.acc = 0, 0
	}
	return out
}

// fours is four for many.
func (d *digits) fours(out, text []byte) []byte {
	for d.n != 0 && len(text) > 0 {
		out, text = d.four(out, text[0]), text[1:]
	}
	for ; len(text) >= 4; text = text[4:] {
		v := uint32(values[text[0]])<<18 | uint32(values[text[1]])<<12 | uint32(values[text[2]])<<6 | uint32(values[text[3]])
		out = append(out, byte(v>>16), byte(v>>8), byte(v))
	}
	for _, c := range text {
		out = d.four(out, c)
	}
	return out
}

// nextPacked is where the next thing that is packed may begin, or the length.
func nextPacked(text []byte) int {
	next := len(text)
	for _, mark := range []string{"H4sI", "UEsD", "KLUv", "Qlpo"} {
		if i := bytes.Index(text[:next], []byte(mark)); i >= 0 {
			next = i
		}
	}
	for _, mark := range []string{"eJ", "eN"} { // zlib: a third digit decides
		for from := 0; from < next; {
			i := bytes.Index(text[from:next], []byte(mark))
			if i < 0 || from+i+4 > len(text) {
				break
			}
			if at := from + i; packedStart(binary.BigEndian.Uint32(text[at:])) {
				next = at
				break
			}
			from += i + 1
		}
	}
	return next
}

// packedStart tells whether four base64 digits are those with which something
// packed begins: gzip, zlib at its usual levels, zip, zstd, bzip2.
func packedStart(last uint32) bool {
	switch last {
	case 'H'<<24 | '4'<<16 | 's'<<8 | 'I', 'U'<<24 | 'E'<<16 | 's'<<8 | 'D', 'K'<<24 | 'L'<<16 | 'U'<<8 | 'v', 'Q'<<24 | 'l'<<16 | 'p'<<8 | 'o':
		return true
	}
	switch last >> 16 {
	case 'e'<<8 | 'J':
		return 'w' <= byte(last>>8) && byte(last>>8) <= 'z'
	case 'e'<<8 | 'N':
		return 'o' <= byte(last>>8) && byte(last>>8) <= 'r'
	}
	return false
}

// decode16 hands on what two digits at a time stand for.
func (d *digits) decode16(text, out []byte) []byte {
	for _, c := range text {
		if !isHex(c) { // it was base64 after all
			_, _ = d.in.Write(out)
			d.in = nil
			return out
		}
		d.acc = d.acc<<4 | uint32(unhex(c))
		if d.n++; d.n == 2 {
			out = append(out, byte(d.acc))
			d.n, d.acc = 0, 0
		}
	}
	_, _ = d.in.Write(out)
	return out
}

// end ends a run.
func (r *runs) end() {
	r.flush()
	for _, d := range r.beside {
		if d.in != nil {
			d.in.Close()
		}
	}
	r.n, r.base64, r.base16, r.beside = 0, digits{}, digits{}, [4]digits{}
	r.at, r.lasts = 0, 0
}

// flush looks at the bytes that are still held.
func (r *runs) flush() {
	r.base64.flush()
	for i := range r.beside {
		r.beside[i].flush()
	}
	if in := r.base16.in; in != nil {
		in.Flush()
	}
}

// flush looks at what base64 still holds.
func (d *digits) flush() {
	if d.in == nil {
		return
	}
	if d.n > 1 { // two digits are one byte, three are two
		bits := d.acc << (6 * (4 - d.n))
		_, _ = d.in.Write([]byte{byte(bits >> 16), byte(bits >> 8)}[:d.n-1])
	}
	d.in.Flush()
}

// none is the value of what is no base64 digit.
const none = 0xff

// values of base64 digits in both alphabets (RFC 4648 §4 and §5).
var values = func() (v [256]byte) {
	for i := range v {
		v[i] = none
	}
	for i := range len(base64Chars) {
		v[base64Chars[i]] = byte(i)
	}
	v['-'], v['_'] = 62, 63
	return v
}()
