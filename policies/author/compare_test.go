package author_test

import (
	"testing"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/author"
	"github.com/sallyport-dev/sallyport/policies/document"
)

func compile(t *testing.T, texts ...string) *policies.Set {
	t.Helper()
	var docs []policies.Document
	for _, text := range texts {
		d, err := document.Parse("p.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, d)
	}
	set, err := policies.Compile(t.Context(), docs, policies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestCompare(t *testing.T) {
	in := &policies.Input{
		Image: policies.Image{Registry: "registry.test", Repository: "pay/api", Tags: []string{"1.2", "latest"}, OS: "linux", Architecture: "arm64", Variant: "v8"},
		DTA:   policies.DTA{Status: "none"},
	}
	const nothing, root, dta = "name: a", "name: b\nonly_none_root_users: true", "name: c\ndta_enabled: true"
	for name, c := range map[string]struct {
		before, after []string
		was, is       author.Action
		control       string // that decides afterwards
	}{
		"the same":                    {[]string{root}, []string{root}, author.Deny, author.Deny, "root_user"},
		"one more control":            {[]string{nothing}, []string{nothing, root}, author.Allow, author.Deny, "root_user"},
		"one less":                    {[]string{nothing, root}, []string{nothing}, author.Deny, author.Allow, ""},
		"it would wait":               {[]string{nothing}, []string{dta}, author.Allow, author.Wait, "dta"},
		"it would be denied at once":  {[]string{dta}, []string{dta, root}, author.Wait, author.Deny, "root_user"},
		"denied while pending":        {[]string{dta}, []string{dta + "\nsallyport: {pending: block}"}, author.Wait, author.Deny, "dta"},
		"let in while pending":        {[]string{dta}, []string{dta + "\nsallyport: {pending: allow}"}, author.Wait, author.Allow, ""},
		"a policy that does not stop": {[]string{nothing}, []string{root + "\nblock_failed: false"}, author.Allow, author.Allow, ""},
		"another scope":               {[]string{root}, []string{root + "\nscope: image.repo.other"}, author.Deny, author.Allow, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, faults, err := author.Compare(t.Context(), compile(t, c.before...), compile(t, c.after...), in)
			if err != nil || len(faults) > 0 {
				t.Fatal(err, faults)
			}
			if got.Before.Action != c.was || got.After.Action != c.is || got.After.Control != c.control || got.Flips() != (c.was != c.is) || got.ToDenied() != (c.was != c.is && c.is == author.Deny) {
				t.Errorf("%+v", got)
			}
			if got.Image != "registry.test/pay/api:1.2" || got.Platform != "linux/arm64/v8" {
				t.Errorf("names %+v", got)
			}
		})
	}
}
