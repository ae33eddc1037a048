package scan

import (
	"bytes"
	"encoding/binary"
)

// texts finds many texts at once. It looks at every third group of three bytes:
// whichever text begins anywhere, one of the three groups within its first five
// bytes is among them. That a group belongs to no text, which is nearly always
// so, is one look-up that waits for no other.
type texts struct {
	list  [][]byte
	known [1 << groupBits]bool  // by the hash of a group: whether it belongs to a text
	first [1 << groupBits]int16 // the first of its places, or -1
	where []place
}

// place is where in which text a group is.
type place struct {
	text, next int16 // next is another place with the same hash, or -1
	at         int   // 0 to 2
}

const groupBits = 16

func newTexts(list []string) *texts {
	t := &texts{}
	for h := range t.first {
		t.first[h] = -1
	}
	for n, text := range list {
		t.list = append(t.list, []byte(text))
		for at := range minText - 2 {
			h := hash(uint64(text[at]) | uint64(text[at+1])<<8 | uint64(text[at+2])<<16)
			t.where = append(t.where, place{text: int16(n), next: t.first[h], at: at})
			t.known[h], t.first[h] = true, int16(len(t.where)-1)
		}
	}
	return t
}

// hash is of the lowest three bytes of b.
func hash(b uint64) uint32 { return uint32(b) << 8 * 0x9e3779b1 >> (32 - groupBits) }

// find marks the texts that are in p.
func (t *texts) find(p []byte, found []bool) {
	i := 0
	for ; i+14 <= len(p); i += 12 {
		a, b := binary.LittleEndian.Uint64(p[i:]), binary.LittleEndian.Uint64(p[i+6:])
		if t.known[hash(a)] || t.known[hash(a>>24)] || t.known[hash(b)] || t.known[hash(b>>24)] {
			t.compare(p, i, i+12, found)
		}
	}
	t.compare(p, i, len(p), found)
}

// compare looks at the groups that begin from i on, before end.
func (t *texts) compare(p []byte, i, end int, found []bool) {
	for ; i < end && i+3 <= len(p); i += 3 {
		h := hash(uint64(p[i]) | uint64(p[i+1])<<8 | uint64(p[i+2])<<16)
		for n := t.first[h]; n >= 0; n = t.where[n].next {
			w := t.where[n]
			if begin := i - w.at; !found[w.text] && begin >= 0 && bytes.HasPrefix(p[begin:], t.list[w.text]) {
				found[w.text] = true
			}
		}
	}
}
