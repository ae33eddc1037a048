package proxy

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
)

// rangeStart reads a Range header of one range and says with which byte of
// size it begins, size for an unsatisfiable one. ok is false for what is no
// such header.
func rangeStart(header string, size int64) (start int64, ok bool) {
	unit, spec, found := strings.Cut(header, "=")
	first, last, dash := strings.Cut(spec, "-")
	if !found || !strings.EqualFold(strings.TrimSpace(unit), "bytes") || !dash {
		return 0, false
	}
	first, last = strings.TrimSpace(first), strings.TrimSpace(last)
	if first == "" { // the last n bytes
		n, ok := number(last)
		if !ok {
			return 0, false
		}
		if n == 0 {
			return size, true
		}
		return max(0, size-n), true
	}
	from, ok := number(first)
	if !ok {
		return 0, false
	}
	if last != "" {
		if to, ok := number(last); !ok || to < from {
			return 0, false
		}
	}
	return min(from, size), true
}

// number reads digits only: no sign, no comma of a second range.
func number(s string) (int64, bool) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func plainFile(r io.ReadSeekCloser) (*os.File, bool) {
	f, ok := r.(*os.File)
	return f, ok
}

// watched remembers that reading failed.
type watched struct {
	io.ReadSeekCloser
	failed error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadSeekCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.failed = err
	}
	return n, err
}
