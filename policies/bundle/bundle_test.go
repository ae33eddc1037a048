package bundle_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	opa "github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/keys"
	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/bundle"
	"github.com/sallyport-dev/sallyport/policies/document"
)

// folder is what authors have: documents, a custom check with library and data, tests.
var folder = fstest.MapFS{
	"team/root.yaml":            {Data: []byte("name: no-root\nonly_none_root_users: true\n")},
	"team/tags.yaml":            {Data: []byte("# kept as written\nname: tags\ncustom_checks_enabled: true\ncustom_checks: [{path: checks/latest.rego}]\n")},
	"team/checks/latest.rego":   {Data: []byte("package checks.latest\n\nimport data.lib.tags\n\ndeny contains \"latest\" if tags.latest(input.image)\n")},
	"team/checks/lib/tags.rego": {Data: []byte("package lib.tags\n\nlatest(image) if data.checks.forbidden in image.tags\n")},
	"team/checks/data.json":     {Data: []byte(`{"forbidden": "latest"}`)},
	"team/checks/x_test.rego":   {Data: []byte("package checks.latest_test\n\ntest_it if true\n")},
	"team/checks/unused.rego":   {Data: []byte("package unused\n\nx := 1\n")},
	"team/input.json":           {Data: []byte(`{}`)},
	".regal/config.yaml":        {Data: []byte("rules: {}\n")},
	"README.md":                 {Data: []byte("words")},
}

func build(t testing.TB, set bundle.Settings) bundle.Archive {
	t.Helper()
	files := bundle.Files{}
	if err := files.Add(folder, "."); err != nil {
		t.Fatal(err)
	}
	a, err := bundle.Build(t.Context(), files, set)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestABundleHoldsWhatDecides(t *testing.T) {
	a := build(t, bundle.Settings{})
	want := ".manifest assurance/no-root.rego assurance/tags.rego team/checks/data.json team/checks/latest.rego team/checks/lib/tags.rego team/root.yaml team/tags.yaml"
	if got := strings.Join(a.Files, " "); got != want {
		t.Errorf("files\n got %s\nwant %s", got, want)
	}
	if got := strings.Join(a.Roots, " "); got != "assurance checks lib team" {
		t.Errorf("roots %s", got)
	}
	if again := build(t, bundle.Settings{}); !bytes.Equal(a.Bytes, again.Bytes) {
		t.Error("the same files make another archive")
	}
	c, err := bundle.Read(a.Bytes, nil)
	if err != nil {
		t.Fatal(err)
	}
	var docs []policies.Document
	for _, p := range c.Policies {
		docs = append(docs, p.Document)
	}
	set, err := policies.Compile(t.Context(), docs, policies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Revision != a.Revision || c.Revision != set.Generation() {
		t.Errorf("revisions %s, %s, generation %s", c.Revision, a.Revision, set.Generation())
	}
	r, err := set.Evaluate(t.Context(), &policies.Input{Image: policies.Image{Tags: []string{"latest"}, User: "1000"}})
	if err != nil || len(r.Failures) != 1 || r.Failures[0].PolicyName != "tags" {
		t.Errorf("failures %+v, %v", r.Failures, err)
	}
}

// What `opa eval -b bundle.tar.gz data.assurance` does.
func TestOPAEvaluatesABundle(t *testing.T) {
	key, public := newKey(t)
	a := build(t, bundle.Settings{Key: key, KeyID: "one", Revision: "r7"})
	file := filepath.Join(t.TempDir(), "bundle.tar.gz")
	if err := os.WriteFile(file, a.Bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	query, err := rego.New(rego.SkipBundleVerification(true), rego.LoadBundle(file), rego.Query(`data.assurance["no-root"].deny`)).PrepareForEval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rs, err := query.Eval(t.Context(), rego.EvalInput(map[string]any{"image": map[string]any{"user": "", "runs_as_root": true}}))
	if err != nil || len(rs) != 1 || len(rs[0].Expressions[0].Value.([]any)) != 1 {
		t.Errorf("result %v, %v", rs, err)
	}
	// And its own reader verifies the signature.
	b, err := opa.NewReader(bytes.NewReader(a.Bytes)).WithBundleVerificationConfig(opa.NewVerificationConfig(
		map[string]*keys.Config{"one": {Key: string(read(t, public)), Algorithm: "RS256"}}, "", "", nil)).Read()
	if err != nil {
		t.Fatal(err)
	}
	if m := b.Manifest; m.Revision != "r7" || m.RegoVersion == nil || *m.RegoVersion != 1 {
		t.Errorf("manifest %s", m)
	}
}

func TestSignatures(t *testing.T) {
	key, public := newKey(t)
	_, other := newKey(t)
	ec, ecPublic := newECKey(t)
	both := write(t, "both.pem", string(read(t, other))+string(read(t, public)))
	secret := write(t, "secret", "open sesame")
	signed := build(t, bundle.Settings{Key: key, KeyID: "2026"}).Bytes
	for name, test := range map[string]struct {
		archive []byte
		keys    bundle.KeySettings
		want    string // part of the error; empty: it is read
	}{
		"signed by the key":                       {signed, bundle.KeySettings{Key: public}, ""},
		"the key as text":                         {signed, bundle.KeySettings{Key: string(read(t, public))}, ""},
		"signed by one of two":                    {signed, bundle.KeySettings{Key: both}, ""},
		"of the key id":                           {signed, bundle.KeySettings{Key: public, KeyID: "2026"}, ""},
		"of another key id":                       {signed, bundle.KeySettings{Key: public, KeyID: "2027"}, `of the key "2026", and "2027" is wanted`},
		"signed by another key":                   {signed, bundle.KeySettings{Key: other}, "failed to verify"},
		"signed by another algorithm":             {signed, bundle.KeySettings{Key: public, Algorithm: "PS256"}, "failed to verify"},
		"the public key is no secret":             {hmacOf(t, public), bundle.KeySettings{Key: public}, "failed to verify"},
		"unsigned":                                {build(t, bundle.Settings{}).Bytes, bundle.KeySettings{Key: public}, "there is none"},
		"unsigned, where no key is set":           {build(t, bundle.Settings{}).Bytes, bundle.KeySettings{}, ""},
		"elliptic curve":                          {build(t, bundle.Settings{Key: ec}).Bytes, bundle.KeySettings{Key: ecPublic}, ""},
		"shared secret":                           {build(t, bundle.Settings{Key: secret, Algorithm: "HS512"}).Bytes, bundle.KeySettings{Key: secret, Algorithm: "HS512"}, ""},
		"a secret without algorithm":              {signed, bundle.KeySettings{Key: secret}, "no PEM block"},
		"a key file that is not there":            {signed, bundle.KeySettings{Key: "/nowhere/key.pem"}, "/nowhere/key.pem"},
		"a document was changed":                  {tampered(t, signed, "team/root.yaml", "name: no-root\n"), bundle.KeySettings{Key: public}, "digest mismatch"},
		"a document was added":                    {tampered(t, signed, "more.yaml", "name: more\n"), bundle.KeySettings{Key: public}, "not included in bundle signature"},
		"a document was taken out":                {tampered(t, signed, "team/root.yaml", ""), bundle.KeySettings{Key: public}, "not found in the target bundle"},
		"a library of a custom check was changed": {tampered(t, signed, "team/checks/lib/tags.rego", "package lib.tags\n\nlatest(image) if false\n"), bundle.KeySettings{Key: public}, "digest mismatch"},
		"data of a custom check was changed":      {tampered(t, signed, "team/checks/data.json", `{"forbidden": "x"}`), bundle.KeySettings{Key: public}, "digest mismatch"},
		"a second signature elsewhere":            {tampered(t, signed, "team/.signatures.json", `{"signatures":["x"]}`), bundle.KeySettings{Key: public}, "multiple signatures"},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := test.keys.Load()
			if err == nil {
				var c bundle.Contents
				c, err = bundle.Read(test.archive, k)
				if err == nil && (len(c.Policies) != 2) {
					t.Errorf("contents %+v", c)
				}
			}
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	if _, err := bundle.Read(build(t, bundle.Settings{}).Bytes, must(t, bundle.KeySettings{Key: public})); !errors.Is(err, bundle.ErrSignature) {
		t.Errorf("error %v", err)
	}
}

func TestFaultyArchives(t *testing.T) {
	good := build(t, bundle.Settings{}).Bytes
	long := strings.Repeat("x", 1000)
	for name, test := range map[string]struct {
		archive []byte
		want    string
	}{
		"empty":                        {nil, "not a tar.gz"},
		"a web page":                   {[]byte("<html>"), "not a tar.gz"},
		"cut off":                      {good[:len(good)-20], "damaged"},
		"a changed byte":               {flipped(good), "damaged"},
		"too large":                    {make([]byte, bundle.MaxSize+1), "more than 16777216 bytes"},
		"no files":                     {pack(t), "is empty"},
		"no policies":                  {pack(t, "a.rego", "package a\n"), "holds no policy documents"},
		"a path out of it":             {pack(t, "../a.yaml", "name: a\n"), "no path within"},
		"a path that is too long":      {pack(t, long+".yaml", "name: a\n"), "no path within"},
		"a file twice":                 {pack(t, "a.yaml", "name: a\n", "/a.yaml", "name: b\n"), "a.yaml twice"},
		"a bomb":                       {pack(t, "a.yaml", strings.Repeat(" ", 9<<20)), "more than 8388608 bytes"},
		"a bomb of many":               {bomb(t), "when it is unpacked"},
		"a faulty document":            {pack(t, "p/a.yaml", "name: a\ndta_enabled: perhaps\n"), "p/a.yaml:2"},
		"Rego that cannot be read":     {pack(t, "a.yaml", "name: a\n", "assurance/a.rego", "package assurance.a\n\ndeny {"), "assurance/a.rego:3"},
		"a package outside of roots":   {pack(t, "a.yaml", "name: a\n", ".manifest", `{"roots":["assurance"]}`, "a.rego", "package other\n"), "do not permit"},
		"a manifest that is no object": {pack(t, "a.yaml", "name: a\n", ".manifest", `[`), "manifest"},
		"a delta":                      {pack(t, "patch.json", `{"data":[{"op":"upsert","path":"a","value":1}]}`), "delta"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := bundle.Read(test.archive, nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestWhatCannotBeBuilt(t *testing.T) {
	for name, test := range map[string]struct {
		files bundle.Files
		set   bundle.Settings
		want  string
	}{
		"a policy that does not compile": {bundle.Files{"a.yaml": []byte("name: a\ncustom_checks_enabled: true\ncustom_checks: [{path: c.rego}]\n"), "c.rego": []byte("package c\n\ndeny contains x if true\n")}, bundle.Settings{}, "c.rego:3"},
		"the same name twice":            {bundle.Files{"a.yaml": []byte("name: a\n---\nname: a\n")}, bundle.Settings{}, `two policies are named "a"`},
		"a file where a package goes":    {bundle.Files{"a.yaml": []byte("name: a\n"), "assurance/a.rego": []byte("package x\n")}, bundle.Settings{}, "move the file"},
		"checks that do not fit together": {bundle.Files{
			"a.yaml": []byte("name: a\ncustom_checks_enabled: true\ncustom_checks: [{path: a.rego}]\n---\nname: b\ncustom_checks_enabled: true\ncustom_checks: [{path: b.rego}]\n"),
			"a.rego": []byte("package main\n\ndefault x := 1\n\ndeny contains \"a\" if x == 2\n"), "b.rego": []byte("package main\n\ndefault x := 2\n\ndeny contains \"b\" if x == 2\n"),
		}, bundle.Settings{}, "packages of their own"},
		"a key that is not there":    {bundle.Files{"a.yaml": []byte("name: a\n")}, bundle.Settings{Key: "/nowhere"}, "/nowhere"},
		"an algorithm of other keys": {bundle.Files{"a.yaml": []byte("name: a\n")}, bundle.Settings{Key: first(newKey(t)), Algorithm: "ES256"}, `does not fit the algorithm "ES256"`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := bundle.Build(t.Context(), test.files, test.set); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	files := bundle.Files{}
	if err := files.AddDocument(document.New("a")); err != nil {
		t.Fatal(err)
	}
	if err := files.Add(fstest.MapFS{"policies/a.json": {Data: []byte(`{"name":"a"}`)}}, "."); err == nil || !strings.Contains(err.Error(), "policies/a.json") {
		t.Errorf("two files of one name: %v", err)
	}
	if err := files.Add(fstest.MapFS{"x.yaml": {Data: []byte("name: x\ncustom_checks: [{path: gone.rego}]\n")}}, "x.yaml"); err == nil || !strings.Contains(err.Error(), "gone.rego") {
		t.Errorf("a check that is not there: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(".manifest"), []byte(`{"revision":"1","roots":["assurance"]}`), []byte("a.yaml"), []byte("name: a\n"))
	f.Add([]byte(".signatures.json"), []byte(`{"signatures":["a.b.c"]}`), []byte("data.json"), []byte(`{"a":{}}`))
	f.Add([]byte("a.rego"), []byte("package a\n"), []byte("x/policy.wasm"), []byte("\x00"))
	f.Add([]byte("patch.json"), []byte(`{"data":[]}`), []byte("data.yaml"), []byte("[1"))
	public := string(read(f, second(newKey(f))))
	keys, err := bundle.KeySettings{Key: public}.Load()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name1, b1, name2, b2 []byte) {
		archive := pack(t, string(name1), string(b1), string(name2), string(b2))
		c, err := bundle.Read(archive, nil)
		if err == nil {
			if len(c.Policies) == 0 {
				t.Error("an archive without policies is taken")
			}
			var docs []policies.Document
			for _, p := range c.Policies {
				docs = append(docs, p.Document)
			}
			_, _ = policies.Compile(context.Background(), docs, policies.Options{})
		}
		if _, err := bundle.Read(archive, keys); err == nil {
			t.Error("an archive passes that nobody signed")
		}
	})
}

func FuzzArchive(f *testing.F) {
	f.Add(build(f, bundle.Settings{}).Bytes)
	f.Add(build(f, bundle.Settings{Key: first(newKey(f))}).Bytes)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if c, err := bundle.Read(raw, nil); err == nil && !slices.ContainsFunc(c.Policies, func(p bundle.Policy) bool { return p.Document.Name != "" }) {
			t.Errorf("contents %+v", c)
		}
	})
}

func must(t testing.TB, s bundle.KeySettings) *bundle.Keys {
	t.Helper()
	k, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var quiet = log.New(io.Discard, "", 0)

func first(a, _ string) string  { return a }
func second(_, b string) string { return b }

// newKey makes an RSA key and returns the files of its halves.
func newKey(t testing.TB) (private, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return keyFiles(t, key, &key.PublicKey)
}

func newECKey(t testing.TB) (private, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return keyFiles(t, key, &key.PublicKey)
}

func keyFiles(t testing.TB, key, publicKey any) (private, public string) {
	t.Helper()
	b, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p, err := x509.MarshalPKIXPublicKey(publicKey)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, "private.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}))),
		write(t, "public.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: p})))
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
