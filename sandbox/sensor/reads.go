package sensor

import "strings"

// reads tells which files' opening for reading is reported.
type reads struct {
	prefixes []string
	names    map[string]bool // of a file or folder anywhere in the path
	endings  []string
	proc     map[string]bool // of a file or folder of any process, below /proc/N
}

// newReads takes what Config.ReadsOf describes.
func newReads(of []string) reads {
	r := reads{names: map[string]bool{}, proc: map[string]bool{}}
	for _, s := range of {
		switch {
		case strings.HasPrefix(s, "/proc/*/"):
			r.proc[strings.TrimPrefix(s, "/proc/*/")] = true
		case strings.HasPrefix(s, "/"):
			r.prefixes = append(r.prefixes, s)
		case strings.HasPrefix(s, "*"):
			r.endings = append(r.endings, s[1:])
		case s != "":
			r.names[s] = true
		}
	}
	return r
}

func (r *reads) none() bool {
	return len(r.prefixes)+len(r.names)+len(r.endings)+len(r.proc) == 0
}

// has tells whether reading path is reported. It is asked at every open of the guest.
func (r *reads) has(path string) bool {
	if path == "" {
		return false
	}
	if underAny(path, r.prefixes) {
		return true
	}
	if rest, ok := strings.CutPrefix(path, "/proc/"); ok {
		_, rest, _ = strings.Cut(rest, "/")
		name, _, _ := strings.Cut(rest, "/")
		return r.proc[name]
	}
	for _, e := range r.endings {
		if strings.HasSuffix(path, e) {
			return true
		}
	}
	for rest := path; rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		if r.names[name] {
			return true
		}
	}
	return false
}
