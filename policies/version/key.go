package version

import (
	"encoding/json"
	"strings"
)

// Key is a version as nested lists: its elements are json.Number, string or
// Key. Keys of one Kind compare, element by element, numbers before strings
// before lists and a shorter list first, as the versions do.
type Key []any

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
	switch k {
	case Deb:
		epoch, rest := cutEpoch(text)
		upstream, revision := rest, ""
		if i := strings.LastIndexByte(rest, '-'); i >= 0 {
			upstream, revision = rest[:i], rest[i+1:]
		}
		return Key{number(epoch), debian(upstream), debian(revision)}
	case RPM:
		epoch, rest := cutEpoch(text)
		version, release, _ := strings.Cut(rest, "-")
		return Key{number(epoch), rpm(version), rpm(release)}
	case APK:
		return alpine(text)
	}
	return semantic(text)
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

// number keeps digits of any length; too long to be meant are cut, so that
// nobody computes with them.
func number(digits string) json.Number {
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return "0"
	}
	if len(digits) > 30 {
		digits = strings.Repeat("9", 30)
	}
	return json.Number(digits)
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
