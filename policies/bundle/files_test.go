package bundle_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/policies/bundle"
)

// TestFilesAsTheyAre: an archive of something else than policies is unpacked
// when its signature holds, whatever is in its files.
func TestFilesAsTheyAre(t *testing.T) {
	files := bundle.Files{"rules/broken.rego": []byte("package {"), "rules/lists/a.json": []byte("{"), "data.json": []byte(`{"a": 1}`)}
	private, public := newECKey(t)
	_, stranger := newECKey(t)
	signed, err := bundle.Pack(files, bundle.Settings{Key: private, KeyID: "now"})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := bundle.Pack(files, bundle.Settings{})
	if err != nil || plain.Revision == "" || plain.Revision != signed.Revision {
		t.Fatalf("revision %q, %q, %v", plain.Revision, signed.Revision, err)
	}
	if _, err := bundle.Pack(nil, bundle.Settings{}); err == nil {
		t.Error("nothing was packed")
	}
	read := func(raw []byte, keys bundle.KeySettings) (fs.FS, error) {
		return source(t, bundle.Config{URL: "rules.tar.gz", Keys: keys}).Files(raw)
	}
	for name, test := range map[string]struct {
		raw  []byte
		keys bundle.KeySettings
		want error
	}{
		"signed":                   {signed.Bytes, bundle.KeySettings{Key: public}, nil},
		"signed, by its id":        {signed.Bytes, bundle.KeySettings{Key: public, KeyID: "now"}, nil},
		"nobody asks":              {plain.Bytes, bundle.KeySettings{}, nil},
		"another id":               {signed.Bytes, bundle.KeySettings{Key: public, KeyID: "then"}, bundle.ErrSignature},
		"signed by somebody else":  {signed.Bytes, bundle.KeySettings{Key: stranger}, bundle.ErrSignature},
		"not signed":               {plain.Bytes, bundle.KeySettings{Key: public}, bundle.ErrSignature},
		"a file changed":           {tampered(t, signed.Bytes, "rules/broken.rego", "package x"), bundle.KeySettings{Key: public}, bundle.ErrSignature},
		"a file added":             {tampered(t, signed.Bytes, "rules/new.rego", "package x"), bundle.KeySettings{Key: public}, bundle.ErrSignature},
		"a file taken out":         {tampered(t, signed.Bytes, "rules/lists/a.json", ""), bundle.KeySettings{Key: public}, bundle.ErrSignature},
		"the signature taken out":  {tampered(t, signed.Bytes, ".signatures.json", ""), bundle.KeySettings{Key: public}, bundle.ErrSignature},
		"the signature is no JSON": {tampered(t, signed.Bytes, ".signatures.json", "x"), bundle.KeySettings{Key: public}, bundle.ErrSignature},
	} {
		got, err := read(test.raw, test.keys)
		if !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
		if test.want != nil || err != nil {
			continue
		}
		if b, err := fs.ReadFile(got, "rules/broken.rego"); err != nil || string(b) != "package {" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if _, err := read([]byte("x"), bundle.KeySettings{}); err == nil || !strings.Contains(err.Error(), "tar.gz") {
		t.Errorf("no archive: %v", err)
	}
}
