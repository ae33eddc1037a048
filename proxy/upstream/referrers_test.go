package upstream

import (
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
)

func TestReferrersTag(t *testing.T) {
	for d, want := range map[digest.Digest]string{
		digest.Digest("sha256:" + strings.Repeat("a", 64)):  "sha256-" + strings.Repeat("a", 64),
		digest.Digest("sha512:" + strings.Repeat("b", 128)): "sha512-" + strings.Repeat("b", 64),
		digest.Digest("test+algorithm+using+algorithm+separators+and+lots+of+characters+to+excercise+overall+truncation:alsoSome=InTheEncodedSectionToShowHyphenReplacementAndLotsAndLotsOfCharactersToExcerciseEncodedTruncation"): "test-algorithm-using-algorithm-s-alsoSome-InTheEncodedSectionToShowHyphenReplacementAndLotsAndLot",
	} {
		if got := ReferrersTag(d); got != want {
			t.Errorf("%s: got %s", d, got)
		}
	}
}

func FuzzReferrers(f *testing.F) {
	f.Add([]byte(`{"manifests":[{"mediaType":"a","digest":"sha256:` + strings.Repeat("a", 64) + `","size":1,"annotations":{"a":"b"}}]}`))
	f.Add([]byte(`{"manifests":[{"digest":"x","size":-1}, null, {}]}`))
	f.Add([]byte(`{"manifests":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := ParseReferrers(raw)
		if err != nil {
			return
		}
		if list == nil {
			t.Error("no list and no error")
		}
		for _, d := range list {
			if d.Digest.Validate() != nil || d.Size < 0 || d.MediaType == "" {
				t.Errorf("took %+v", d)
			}
		}
	})
}
