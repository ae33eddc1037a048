package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/sallyport-dev/sallyport/policies"
)

// Files are those of an archive that is made, by path within it.
type Files map[string][]byte

// Settings are those of Build. The zero value is usable.
type Settings struct {
	Revision  string // of the manifest; empty: the generation of the policies
	Key       string // file of the private key that signs, or of the secret; empty: unsigned
	Algorithm string // of the signature; empty: by the kind of key
	KeyID     string // that the signature names
}

// Archive is a bundle that was built.
type Archive struct {
	Bytes    []byte // tar.gz; equal for equal files and settings
	Revision string
	Roots    []string
	Policies []string // names
	Files    []string // in the order in which they are written
}

// Build makes an archive of documents and of what their custom checks are made
// of, beside the Rego package that each document is translated to. Everything
// is compiled first, the way Sallyport does and the way OPA does.
func Build(ctx context.Context, files Files, set Settings) (Archive, error) {
	var a Archive
	contents, err := read(files)
	if err != nil {
		return a, err
	}
	docs := make([]policies.Document, len(contents))
	for i, p := range contents {
		docs[i] = p.Document
	}
	compiled, err := policies.Compile(ctx, docs, policies.Options{})
	if err != nil {
		return a, err
	}
	all := maps.Clone(files)
	for _, p := range compiled.Policies() {
		name := "assurance/" + p.Document.Name + ".rego"
		if _, taken := all[name]; taken {
			return a, fmt.Errorf("%s is where the package of policy %q goes: move the file of that name", name, p.Document.Name)
		}
		all[name] = []byte(p.Rego)
		a.Policies = append(a.Policies, p.Document.Name)
	}
	if a.Revision = set.Revision; a.Revision == "" {
		a.Revision = compiled.Generation()
	}
	if a.Roots, err = rootsOf(all); err != nil {
		return a, err
	}
	if all[manifestFile], err = manifest(a); err != nil {
		return a, err
	}
	if set.Key != "" {
		if all[signatures], err = sign(all, set); err != nil {
			return a, fmt.Errorf("signing: %w", err)
		}
	}
	a.Files = order(all)
	if a.Bytes, err = pack(all, a.Files); err != nil {
		return a, err
	}
	return a, tryOPA(ctx, a)
}

const manifestFile = ".manifest"

// read parses the documents of files as Read does those of an archive.
func read(files Files) ([]Policy, error) {
	var list []file
	for _, name := range slices.Sorted(maps.Keys(files)) {
		list = append(list, file{name, files[name]})
	}
	return documents(list)
}

func manifest(a Archive) ([]byte, error) {
	one := 1
	m := opa.Manifest{Revision: a.Revision, Roots: &a.Roots, RegoVersion: &one}
	if len(a.Policies) > 0 {
		m.Metadata = map[string]any{"policies": a.Policies}
	}
	return json.Marshal(m)
}

// rootsOf are the parts of data that the files fill, by first steps.
func rootsOf(files Files) ([]string, error) {
	roots := map[string]bool{}
	var list []file
	for _, name := range order(files) {
		list = append(list, file{name, files[name]})
	}
	b, err := readOPA(list, nil)
	if err != nil {
		return nil, err
	}
	for _, m := range b.Modules {
		if step, ok := m.Parsed.Package.Path[1].Value.(ast.String); ok { // the first is data
			roots[string(step)] = true
		}
	}
	for key := range b.Data {
		roots[key] = true
	}
	return slices.Sorted(maps.Keys(roots)), nil
}

// sign makes the file of signatures over all files.
func sign(files Files, set Settings) ([]byte, error) {
	algorithm := set.Algorithm
	if !strings.HasPrefix(algorithm, "HS") {
		text, err := os.ReadFile(set.Key)
		if err != nil {
			return nil, err
		}
		block, _ := pem.Decode(text)
		if block == nil {
			return nil, fmt.Errorf("%s holds no PEM block; for a shared secret set the algorithm (HS256)", set.Key)
		}
		if algorithm, err = algorithmFor(block, algorithm); err != nil {
			return nil, fmt.Errorf("%s: %w", set.Key, err)
		}
	} else if _, err := os.Stat(set.Key); err != nil {
		return nil, err
	}
	const hashing = opa.SHA256
	hasher, err := opa.NewSignatureHasher(hashing)
	if err != nil {
		return nil, err
	}
	var infos []opa.FileInfo
	for _, name := range order(files) {
		var value any = files[name]
		if opa.IsStructuredDoc(name) {
			if err := util.Unmarshal(files[name], &value); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		sum, err := hasher.HashFile(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		infos = append(infos, opa.NewFile(name, hex.EncodeToString(sum), hashing.String()))
	}
	token, err := opa.GenerateSignedToken(infos, opa.NewSigningConfig(set.Key, algorithm, ""), set.KeyID)
	if err != nil {
		return nil, err
	}
	return json.Marshal(opa.SignaturesConfig{Signatures: []string{token}})
}

// order puts what readers want first, first.
func order(files Files) []string {
	names := slices.Sorted(maps.Keys(files))
	rank := func(name string) int { return slices.Index([]string{signatures, manifestFile}, name) }
	slices.SortStableFunc(names, func(a, b string) int {
		switch ra, rb := rank(a), rank(b); {
		case ra >= 0 && rb >= 0:
			return ra - rb
		case ra >= 0:
			return -1
		case rb >= 0:
			return 1
		}
		return 0
	})
	return names
}

// pack writes a tar.gz that depends on nothing but the files.
func pack(files Files, names []string) ([]byte, error) {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	t := tar.NewWriter(z)
	for _, name := range names {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: "/" + path.Clean(name), Mode: 0o644, Size: int64(len(files[name]))}
		if err := t.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if _, err := t.Write(files[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := errors.Join(t.Close(), z.Close()); err != nil {
		return nil, err
	}
	if out.Len() > MaxSize {
		return nil, fmt.Errorf("the bundle %w", tooLarge())
	}
	return out.Bytes(), nil
}

// tryOPA loads the archive as "opa eval -b" does: packages of different
// authors share one data document there, and may not fit together.
func tryOPA(ctx context.Context, a Archive) error {
	files, err := unpack(a.Bytes)
	if err != nil {
		return fmt.Errorf("the bundle %w", err)
	}
	b, err := readOPA(files, nil)
	if err == nil {
		_, err = rego.New(rego.ParsedBundle("bundle", &b), rego.Query("data.assurance")).PrepareForEval(ctx)
	}
	if err != nil {
		return fmt.Errorf("OPA could not load the bundle (custom checks whose rules do not fit together go into packages of their own): %w", err)
	}
	return nil
}
