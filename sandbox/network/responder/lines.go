package responder

import "strings"

// claimWords claims text whose first word is one of words, in any case. after
// are the characters that may follow the word.
func claimWords(first []byte, words []string, after string) Claim {
	claim := No
	for _, w := range words {
		n := min(len(w), len(first))
		if !strings.EqualFold(string(first[:n]), w[:n]) {
			continue
		}
		if len(first) <= len(w) {
			claim = More
			continue
		}
		if strings.IndexByte(after, first[len(w)]) >= 0 {
			return Yes
		}
	}
	return claim
}

// maxField bounds what is kept of one field of a message, in bytes.
const maxField = 1024

func clip(s string) string {
	if len(s) > maxField {
		s = s[:maxField]
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
