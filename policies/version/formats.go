package version

import "strings"

// debian orders as deb-version(7) says: parts without digits and numbers take
// turns; in the former "~" comes before the end, letters before all else.
func (w *writer) debian(text string) {
	for {
		var words, digits string
		words, text = take(text, func(c byte) bool { return !digit(c) })
		digits, text = take(text, digit)
		w.words(words)
		w.number(digits)
		if text == "" {
			w.words("")
			return
		}
	}
}

// words writes a part without digits: "~", the end, letters, all else.
func (w *writer) words(words string) {
	for i := range len(words) {
		switch c := words[i]; {
		case c == '~':
			w.mark('!')
		case letter(c):
			w.mark(c)
		default:
			const hex = "0123456789abcdef"
			w.out = append(w.out, '{', hex[c>>4], hex[c&15])
		}
	}
	w.mark('#')
}

// rpm orders as rpmvercmp does: runs of digits and of letters count, what
// divides them does not; numbers come after letters, "~" before the end and
// "^" right after it.
func (w *writer) rpm(text string) {
	for {
		_, text = take(text, func(c byte) bool { return !digit(c) && !letter(c) && c != '~' && c != '^' })
		if text == "" {
			w.mark('#')
			return
		}
		var run string
		switch c := text[0]; {
		case c == '~':
			w.mark('!')
			text = text[1:]
		case c == '^':
			w.mark('$')
			text = text[1:]
		case digit(c):
			run, text = take(text, digit)
			w.mark('(')
			w.number(run)
		default:
			run, text = take(text, letter)
			w.mark('%')
			w.word(run)
		}
	}
}

// alpineSuffixes are those of apk: the first four come before the plain version.
var alpineSuffixes = map[string]byte{"alpha": 'a', "beta": 'b', "pre": 'c', "rc": 'd', "cvs": 'f', "svn": 'g', "git": 'h', "hg": 'i', "p": 'j'}

// alpine orders as apk does: numbers, a letter, suffixes, a revision.
func (w *writer) alpine(text string) {
	version, revision := text, "0"
	if i := strings.LastIndex(text, "-r"); i >= 0 && text[i+2:] != "" && strings.Trim(text[i+2:], "0123456789") == "" {
		version, revision = text[:i], text[i+2:]
	}
	for version != "" {
		c := version[0]
		var run string
		switch {
		case digit(c):
			run, version = take(version, digit)
			w.mark('l')
			w.number(run)
		case letter(c):
			run, version = take(version, letter)
			w.mark('k')
			w.word(run)
		case c == '_':
			run, version = take(version[1:], letter)
			var digits string
			digits, version = take(version, digit)
			rank, known := alpineSuffixes[run]
			if !known {
				rank = 'j'
			}
			w.mark(rank)
			w.number(digits)
		default:
			version = version[1:]
		}
	}
	w.mark('e') // the end: after the suffixes of what is not yet released
	w.number(revision)
}

// semanticWords are words after a version that say something of its age.
// Unknown words come with the earliest.
var semanticWords = map[string]byte{
	"dev": 'b', "snapshot": 'b', "alpha": 'c', "a": 'c', "beta": 'd', "b": 'd', "milestone": 'e', "m": 'e', "rc": 'f', "cr": 'f', "c": 'f', "pre": 'f', "preview": 'f',
	"final": 0, "ga": 0, "release": 0, "post": 'i', "rev": 'i', "sp": 'i',
}

// semantic orders semantic versions, and those of Python, Ruby and Maven well
// enough: numbers count, 1.2 is 1.2.0, words make an earlier version but for
// those that make none, and what follows "+" does not count.
func (w *writer) semantic(text string) {
	text, _, _ = strings.Cut(strings.ToLower(text), "+")
	text = strings.TrimPrefix(text, "v")
	zeros := 0 // not written yet: they count only when something follows
	for text != "" {
		c := text[0]
		var run string
		switch {
		case digit(c):
			run, text = take(text, digit)
			if strings.Trim(run, "0") == "" {
				zeros++
				continue
			}
			for ; zeros > 0; zeros-- {
				w.mark('k')
				w.number("0")
			}
			w.mark('k')
			w.number(run)
		case letter(c):
			run, text = take(text, letter)
			rank, known := semanticWords[run]
			switch {
			case !known:
				zeros = 0
				w.mark('a')
				w.word(run)
			case rank != 0:
				zeros = 0
				w.mark(rank)
			}
		default:
			text = text[1:]
		}
	}
	w.mark('h') // the end
}
