package gate_test

import (
	"errors"
	"testing"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/policies"
)

// Every round trip before the first byte is felt by who pulls: the
// configuration is fetched where a policy reads it, and nowhere else.
func TestAPullWaitsForNoMoreThanItsManifest(t *testing.T) {
	for name, c := range map[string]struct {
		policy string
		reads  bool
	}{
		"no policy":                            {"", false},
		"a scope of names":                     {"name: p\nscope: image.name.other:*\nonly_none_root_users: true\n", false},
		"a scope of labels in Sallyport":       {"name: p\nscope: aqua.label.strict\nonly_none_root_users: true\n", false},
		"facts that nobody finds out":          {"name: p\ndisallow_malware: true\ncvss_severity_enabled: true\ncvss_severity: high\n", false},
		"a check of the name":                  {"name: p\ncustom_checks_enabled: true\ncustom_checks: [{name: c, snippet: 'deny contains \"x\" if input.image.registry == \"evil.test\"'}]\n", false},
		"a scope of labels in the image":       {"name: p\nscope: image.label.\"stage\".\"draft\"\n", true},
		"labels":                               {"name: p\nforbidden_labels_enabled: true\nforbidden_labels: [{key: stage}]\n", true},
		"a check of the configuration":         {"name: p\ncustom_checks_enabled: true\ncustom_checks: [{name: c, snippet: 'deny contains \"x\" if input.image.os == \"plan9\"'}]\n", true},
		"a check of everything":                {"name: p\ncustom_checks_enabled: true\ncustom_checks: [{name: c, snippet: 'deny contains \"x\" if json.marshal(input.image) == \"\"'}]\n", true},
		"dynamic analysis, for its platform":   {"name: p\ndta_enabled: true\nsallyport: {pending: allow}\n", true},
		"packages, which somebody may look up": {"name: p\nblock_failed: false\npackages_white_list_enabled: true\npackages_white_list: [{name: x}]\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, embedded(t))
			app, index := w.content.AddImage(t, "app", amd64), w.content.AddIndex(t, w.content.AddImage(t, "other", arm64))
			var docs []string
			if c.policy != "" {
				docs = append(docs, c.policy)
			}
			r := w.start(docs...)
			w.content.Break(errors.New("the registry is away"))
			for kind, descriptor := range map[string]map[string]any{"image": app, "index": index} {
				d, err := r.gate.Decide(t.Context(), tagged(descriptor, "1"))
				if read := err != nil || d.Action != gate.Allow; read != c.reads {
					t.Errorf("%s: %+v, %v", kind, d, err)
				}
				if err == nil && kind == "index" && (len(d.Judged) != 1 || d.Judged[0].Platform != arm64) {
					t.Errorf("an index's image is judged as %+v", d.Judged)
				}
			}
			// Elsewhere it is read all the same: people are shown what it is.
			req := tagged(app, "1")
			req.Context = policies.Context{Kind: "admission"}
			if d, err := r.gate.Decide(t.Context(), req); err == nil {
				t.Errorf("admission without the configuration: %+v", d)
			}
			w.content.Break(nil)
		})
	}
}
