package version

import (
	"encoding/json"
	"strconv"
	"strings"
)

// debian orders as deb-version(7) says: parts without digits and numbers take
// turns; in the former "~" comes before the end, letters before all else.
func debian(text string) Key {
	var key Key
	for {
		var words, digits string
		words, text = take(text, func(c byte) bool { return !digit(c) })
		digits, text = take(text, digit)
		key = append(key, debianOrder(words), number(digits))
		if text == "" {
			return append(key, debianOrder(""))
		}
	}
}

func debianOrder(words string) Key {
	key := make(Key, 0, len(words)+1)
	for i := range len(words) {
		switch c := words[i]; {
		case c == '~':
			key = append(key, json.Number("-1"))
		case letter(c):
			key = append(key, json.Number(strconv.Itoa(int(c))))
		default:
			key = append(key, json.Number(strconv.Itoa(int(c)+256)))
		}
	}
	return append(key, json.Number("0"))
}

// mark begins an element whose place among others does not depend on what follows.
func mark(n int, rest ...any) Key { return append(Key{json.Number(strconv.Itoa(n))}, rest...) }

// rpm orders as rpmvercmp does: runs of digits and of letters count, what
// divides them does not; numbers come after letters, "~" before the end and
// "^" right after it.
func rpm(text string) Key {
	var key Key
	for {
		_, text = take(text, func(c byte) bool { return !digit(c) && !letter(c) && c != '~' && c != '^' })
		if text == "" {
			return append(key, mark(0))
		}
		var run string
		switch c := text[0]; {
		case c == '~':
			key, text = append(key, mark(-1)), text[1:]
		case c == '^':
			key, text = append(key, mark(1)), text[1:]
		case digit(c):
			run, text = take(text, digit)
			key = append(key, mark(3, number(run)))
		default:
			run, text = take(text, letter)
			key = append(key, mark(2, run))
		}
	}
}

// alpineSuffixes are those of apk: the first four come before the plain version.
var alpineSuffixes = map[string]int{"alpha": -4, "beta": -3, "pre": -2, "rc": -1, "cvs": 1, "svn": 2, "git": 3, "hg": 4, "p": 5}

// alpine orders as apk does: numbers, a letter, suffixes, a revision.
func alpine(text string) Key {
	version, revision := text, "0"
	if i := strings.LastIndex(text, "-r"); i >= 0 && text[i+2:] != "" && strings.Trim(text[i+2:], "0123456789") == "" {
		version, revision = text[:i], text[i+2:]
	}
	var key Key
	for version != "" {
		c := version[0]
		var run string
		switch {
		case digit(c):
			run, version = take(version, digit)
			key = append(key, mark(7, number(run)))
		case letter(c):
			run, version = take(version, letter)
			key = append(key, mark(6, run))
		case c == '_':
			run, version = take(version[1:], letter)
			var digits string
			digits, version = take(version, digit)
			rank, known := alpineSuffixes[run]
			if !known {
				rank = 5
			}
			key = append(key, mark(rank, number(digits)))
		default:
			version = version[1:]
		}
	}
	return Key{append(key, mark(0)), number(revision)}
}

// semanticWords are words after a version that say something of its age.
// Unknown words come with the earliest.
var semanticWords = map[string]int{
	"dev": -6, "snapshot": -6, "alpha": -5, "a": -5, "beta": -4, "b": -4, "milestone": -3, "m": -3, "rc": -2, "cr": -2, "c": -2, "pre": -2, "preview": -2,
	"final": 0, "ga": 0, "release": 0, "post": 1, "rev": 1, "sp": 1,
}

// semantic orders semantic versions, and those of Python, Ruby and Maven well
// enough: numbers count, 1.2 is 1.2.0, words make an earlier version but for
// those that make none, and what follows "+" does not count.
func semantic(text string) Key {
	text, _, _ = strings.Cut(strings.ToLower(text), "+")
	text = strings.TrimPrefix(text, "v")
	var key Key
	zeros := 0 // not written yet: they count only when something follows
	for text != "" {
		c := text[0]
		var run string
		switch {
		case digit(c):
			run, text = take(text, digit)
			if n := number(run); n == "0" {
				zeros++
			} else {
				key = append(flush(key, &zeros), mark(3, n))
			}
		case letter(c):
			run, text = take(text, letter)
			rank, known := semanticWords[run]
			switch {
			case !known:
				zeros = 0
				key = append(key, mark(-7, run))
			case rank != 0:
				zeros = 0
				key = append(key, mark(rank))
			}
		default:
			text = text[1:]
		}
	}
	return append(key, mark(0))
}

func flush(key Key, zeros *int) Key {
	for ; *zeros > 0; *zeros-- {
		key = append(key, mark(3, json.Number("0")))
	}
	return key
}
