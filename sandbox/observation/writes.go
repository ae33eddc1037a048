package observation

// maxWrites is how many paths written to are remembered, maxWriteText their
// length together, and maxWriters how many writers of each: the first and the
// last ones.
const (
	maxWrites    = 50_000
	maxWriteText = 16 << 20
	maxWriters   = 4
)

// writes remembers who wrote which path, also of files that are gone since.
type writes struct {
	byPath map[string][]write
	text   int
}

// write is one opening for writing, or a rename onto the path.
type write struct {
	process string
	seq     uint64
	ms      int64
}

func (w writes) has(path string) bool { return len(w.byPath[path]) > 0 }

func (w *writes) add(path string, wr write) {
	if path == "" {
		return
	}
	list := w.byPath[path]
	switch {
	case len(list) == 0 && (len(w.byPath) >= maxWrites || w.text+len(path) > maxWriteText):
		return
	case len(list) > 0 && list[len(list)-1].process == wr.process:
		return
	case len(list) == maxWriters:
		copy(list[1:], list[2:])
		list[maxWriters-1] = wr
	default:
		if len(list) == 0 {
			w.text += len(path)
		}
		w.byPath[path] = append(list, wr)
	}
}

// move makes whoever wrote from the writer of to, at the time of wr.
func (w *writes) move(from, to string, wr write) {
	if list := w.byPath[from]; len(list) > 0 {
		wr.process = list[len(list)-1].process
	}
	w.add(to, wr)
}

// before is the last write to path before the event seq.
func (w writes) before(path string, seq uint64) (write, bool) {
	list := w.byPath[path]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].seq < seq {
			return list[i], true
		}
	}
	return write{}, false
}

// ends are the first and the last write to path.
func (w writes) ends(path string) (first, last write, ok bool) {
	list := w.byPath[path]
	if len(list) == 0 {
		return write{}, write{}, false
	}
	return list[0], list[len(list)-1], true
}

// until is the last write to path at or before the time ms.
func (w writes) until(path string, ms int64) (write, bool) {
	list := w.byPath[path]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].ms <= ms {
			return list[i], true
		}
	}
	return write{}, false
}
