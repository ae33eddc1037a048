package canary

import (
	"bytes"
	"errors"
	"io"
)

// packed finds what is compressed in a stream and looks inside. From where
// something seems to begin, the stream is kept until that has ended, turns out
// to be something else, or is too large. What was kept is looked through again
// afterwards.
type packed struct {
	begun  bool
	format *format               // of what seems to have begun; nil: nothing has
	kept   []byte                // from its beginning on
	next   int                   // it is tried when so much is kept
	last   [longestMark - 1]byte // without format: what may be the start of a mark
	lasts  int
}

// Bounds of what is looked into.
const (
	maxKept     = 1 << 20  // bytes of one compressed thing
	maxAllKept  = 64 << 20 // bytes of all streams of a Set at a time
	maxUnpacked = 8 << 20  // bytes that come out of one
	firstTry    = 64       // bytes; it is tried again
	grow        = 4        // whenever there is so much more
	maxTries    = 16       // beginnings in what has not ended
)

// read takes the next piece of the stream.
func (p *packed) read(f *Search, b []byte, r *room) {
	if f.depth >= maxDepth {
		return
	}
	if !p.begun {
		p.begun, p.format, p.next = true, bare, firstTry
	}
	for len(b) > 0 {
		if p.format == nil {
			r.joined = append(append(r.joined[:0], p.last[:p.lasts]...), b...)
			p.settle(f, r.joined)
			return
		}
		n := min(len(b), maxKept-len(p.kept))
		before := len(p.kept)
		p.kept = append(p.kept, b[:n]...)
		f.set.kept.Add(int64(n))
		p.settle(f, p.kept)
		f.set.kept.Add(int64(len(p.kept) - before - n))
		b = b[n:]
	}
}

// settle looks through data, which is the stream from what has been kept on,
// and keeps what is not decided.
func (p *packed) settle(f *Search, data []byte) {
	for {
		if p.format == nil {
			at := 0
			if p.format, at = begins(data); p.format == nil {
				break
			}
			data, p.next = data[at:], firstTry
		}
		full := len(data) >= maxKept || f.set.kept.Load() > maxAllKept
		if len(data) < p.next && !full {
			break
		}
		used, ok := p.format.look(f, data)
		if !ok && full { // too large: what was seen of it must do
			used, ok = len(data), true
		}
		if !ok {
			p.next = grow * len(data)
			break
		}
		data, p.format = data[used:], nil
	}
	if p.format != nil {
		p.kept = append(p.kept[:0], data...)
		return
	}
	p.lasts = copy(p.last[:], data[max(0, len(data)-len(p.last)):])
	p.kept = nil
}

// flush looks into what has not ended. It may be something else, and hide what
// begins later.
func (p *packed) flush(f *Search) {
	format, data := p.format, p.kept
	for tries := 0; format != nil && len(data) > 0 && tries < maxTries; tries++ {
		_, _ = format.look(f, data)
		data = data[min(1, len(format.mark)):]
		next, at := begins(data)
		format, data = next, data[at:]
	}
}

// close forgets what was kept.
func (p *packed) close(f *Search) {
	f.set.kept.Add(-int64(len(p.kept)))
	p.kept, p.format = nil, nil
}

// begins finds the first place where something compressed may begin.
func begins(data []byte) (first *format, at int) {
	for _, f := range formats {
		end := len(data)
		if first != nil {
			end = min(end, at+len(f.mark)-1) // only what comes before
		}
		if i := bytes.Index(data[:end], f.mark); i >= 0 {
			first, at = f, i
		}
	}
	return first, at
}

// look searches in what data unpacks to. It returns how many bytes are dealt
// with: at most one when this is something else. It is false when more of it is needed.
func (m *format) look(f *Search, data []byte) (used int, ok bool) {
	start, ok := m.start(data)
	if !ok {
		return 0, false
	}
	src := bytes.NewReader(data[start:])
	d := m.open()
	defer m.release(d)
	in, left, out := (*Search)(nil), maxUnpacked, make([]byte, piece)
	err := d.reset(src)
	for err == nil && left > 0 {
		var n int
		n, err = d.Read(out)
		if n > 0 && in == nil {
			in = f.inner(m.name)
		}
		if n > 0 {
			_, _ = in.Write(out[:n])
			left -= n
		}
	}
	if in != nil {
		in.Close()
	}
	switch {
	case err == nil: // more than is looked through
		return len(data), true
	case err == io.EOF && start < len(data):
		return max(1, len(data)-src.Len()), true
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return 0, false
	}
	return min(1, len(m.mark)), true
}
