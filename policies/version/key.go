package version

import "strings"

// Key is a version as text that compares, byte by byte, as the versions do: of
// keys of one Kind the lesser one belongs to the lesser version. It is
// printable ASCII. Rego compares strings in that way, and knows nothing of versions.
type Key string

// Kind is a way to order versions.
type Kind string

// The kinds. Keys of different kinds do not compare.
const (
	Deb   Kind = "deb"
	RPM   Kind = "rpm"
	APK   Kind = "apk"
	Other Kind = "other" // language packages: semantic versions and what is like them
)

// KindOf is the kind of a package format.
func KindOf(format string) Kind {
	switch strings.ToLower(format) {
	case "deb", "dpkg":
		return Deb
	case "rpm":
		return RPM
	case "apk":
		return APK
	}
	return Other
}

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{Deb, RPM, APK, Other} }

// Of is the key of a version, which may hold epoch and release as the
// package manager writes them ("1:2.3-4").
func Of(k Kind, text string) Key {
	text = strings.TrimSpace(text)
	w := writer{out: make([]byte, 0, 2*len(text)+8)}
	switch k {
	case Deb:
		epoch, rest := cutEpoch(text)
		upstream, revision := rest, ""
		if i := strings.LastIndexByte(rest, '-'); i >= 0 {
			upstream, revision = rest[:i], rest[i+1:]
		}
		w.number(epoch)
		w.debian(upstream)
		w.debian(revision)
	case RPM:
		epoch, rest := cutEpoch(text)
		version, release, _ := strings.Cut(rest, "-")
		w.number(epoch)
		w.rpm(version)
		w.rpm(release)
	case APK:
		w.alpine(text)
	default:
		w.semantic(text)
	}
	return Key(w.out)
}

// Join writes a package's version as its package manager does.
func Join(epoch, version, release string) string {
	if epoch != "" && epoch != "0" {
		version = epoch + ":" + version
	}
	if release != "" {
		version += "-" + release
	}
	return version
}

func cutEpoch(text string) (epoch, rest string) {
	before, after, ok := strings.Cut(text, ":")
	if ok && before != "" && strings.Trim(before, "0123456789") == "" {
		return before, after
	}
	return "0", text
}

// writer writes a key. In each place of it, what comes earlier in the order is
// written with the lesser byte, and every part says where it ends, so that the
// first byte in which two keys differ decides.
type writer struct{ out []byte }

// longest is how many digits of a number count. More are not meant, and nobody
// should compute with them.
const longest = 30

// number writes digits of any length: how many there are ('0' for nought), then
// themselves.
func (w *writer) number(digits string) {
	digits = strings.TrimLeft(digits, "0")
	if len(digits) > longest {
		digits = strings.Repeat("9", longest)
	}
	w.out = append(w.out, byte('0'+len(digits)))
	w.out = append(w.out, digits...)
}

// mark writes one byte.
func (w *writer) mark(c byte) { w.out = append(w.out, c) }

// word writes letters, and that they end.
func (w *writer) word(letters string) {
	w.out = append(append(w.out, letters...), '!')
}

// take cuts the longest prefix of s whose bytes are of a class.
func take(s string, class func(byte) bool) (prefix, rest string) {
	i := 0
	for i < len(s) && class(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
