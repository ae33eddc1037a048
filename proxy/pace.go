package proxy

import (
	"io"
	"os"
	"sync"
	"time"
)

const (
	// pieceSize is how much of a file is handed to the kernel at once, in
	// bytes: with each piece a client gets time for the next.
	pieceSize = 1 << 20
	chunkSize = 64 << 10
)

var chunks = sync.Pool{New: func() any { return new([chunkSize]byte) }}

// pace gives a client time for as much as it takes. Who takes nothing any more,
// or too slowly, loses the connection: nobody holds a goroutine for ever.
type pace struct {
	limits Limits
	writer interface{ SetWriteDeadline(time.Time) error } // nil where there are no deadlines
}

// allow gives time for n bytes.
func (p pace) allow(n int64) {
	if p.writer != nil {
		_ = p.writer.SetWriteDeadline(time.Now().Add(p.limits.Stall + time.Duration(float64(n)/float64(p.limits.MinRate)*float64(time.Second))))
	}
}

// rest stops the clock while the client waits for us.
func (p pace) rest() {
	if p.writer != nil {
		_ = p.writer.SetWriteDeadline(time.Time{})
	}
}

// ReadFrom implements io.ReaderFrom. A file stays one, so that the kernel can
// send it by itself.
func (rec *recorder) ReadFrom(r io.Reader) (sent int64, err error) {
	rec.begin()
	defer func() { rec.sent += sent }()
	limited, ok := r.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: r, N: 1<<63 - 1}
	}
	chunk := chunks.Get().(*[chunkSize]byte)
	defer chunks.Put(chunk)
	if _, ok := limited.R.(*os.File); ok {
		for limited.N > 0 {
			piece := &io.LimitedReader{R: limited.R, N: min(pieceSize, limited.N)}
			want := piece.N
			rec.pace.allow(want)
			n, err := io.CopyBuffer(rec.ResponseWriter, piece, chunk[:])
			sent += n
			limited.N -= n
			if err != nil || n < want {
				return sent, err
			}
		}
		return sent, nil
	}
	// What may have to wait for upstream must not wait on the client's time.
	for {
		rec.pace.rest()
		n, readErr := limited.Read(chunk[:])
		if n > 0 {
			rec.pace.allow(int64(n))
			m, err := rec.ResponseWriter.Write(chunk[:n])
			sent += int64(m)
			if err != nil {
				return sent, err
			}
		}
		if readErr != nil {
			rec.pace.allow(0) // for what is left in buffers
			if readErr == io.EOF {
				readErr = nil
			}
			return sent, readErr
		}
	}
}
