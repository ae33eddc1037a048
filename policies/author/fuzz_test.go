package author_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/author"
)

// Whatever stands in a facts document, it is judged or it is a fault.
func FuzzReadFacts(f *testing.F) {
	for _, seed := range []string{
		`{"image":{"repository":"a/b","tags":["1"]}}`, "{}\n{}", `{"image":null}`, `{"image":{"tags":null}}`, `[]`, `{"now":"never"}`, `{"image":{"size":1e999}}`, "{", "",
		`{"packages":{"known":true,"items":[{"name":"x","version":"1"}]}}`, `{"summary":{}}`, `{"vulnerabilities":{"items":[{"score":-1}]}}`,
	} {
		f.Add([]byte(seed))
	}
	set, err := policies.Compile(f.Context(), nil, policies.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		subjects, err := author.ReadFacts([]string{author.Stdin}, bytes.NewReader(b))
		var faults author.Faults
		if err != nil && (!errors.As(err, &faults) || len(faults) == 0) {
			t.Errorf("%T: %v", err, err)
		}
		for _, s := range subjects {
			if _, err := set.Evaluate(t.Context(), s.Facts); err != nil {
				t.Errorf("%s: %v", b, err)
			}
			// What is written says nothing else than what was read.
			written, err := s.Facts.MarshalJSON()
			if err != nil {
				t.Errorf("%s: %v", b, err)
				continue
			}
			again, _ := author.ReadFacts([]string{author.Stdin}, bytes.NewReader(written))
			for _, s := range again {
				if len(s.Overruled) != 0 {
					t.Errorf("%s: read again, %v is overruled", written, s.Overruled)
				}
			}
		}
	})
}

// Whatever stands where documents are read, Check says what is wrong.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		payments, checked, "name: a\n---\nname: a\n", "{", "", "name: p\ncustom_checks_enabled: true\ncustom_checks: [{snippet: 'deny contains 1'}, {snippet: 'package a'}, {path: ../x}]",
		"name: p\ncustom_checks_enabled: true\ncustom_checks: [{snippet: '# METADATA\n# title: x\npackage a\n\ndeny contains \"x\"'}]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s, faults := author.Read([]string{author.Stdin}, bytes.NewReader(b))
		r, err := author.Check(t.Context(), []string{author.Stdin}, s, faults)
		if err != nil && !errors.Is(err, author.ErrNothing) {
			t.Error(err)
		}
		if len(r.Errors) == 0 && err == nil {
			if _, err := s.Tree(); err != nil {
				t.Errorf("nothing is wrong, but no tree is made of it: %v", err)
			}
		}
	})
}
