package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/open-policy-agent/opa/v1/ast"
	opa "github.com/open-policy-agent/opa/v1/bundle"

	"github.com/sallyport-dev/sallyport/policies/document"
)

// Contents is what an archive holds.
type Contents struct {
	Revision string // as its manifest says; may be empty
	Sum      string // sha256 of the archive, hexadecimal
	KeyID    string // that its signature names, where one was required
	Policies []Policy
}

// Policy is one document, with the files beside it at its Files.
type Policy struct {
	Document document.Document
	File     string // that holds it, within the archive
}

// ErrSignature is of archives whose signature is missing or wrong.
var ErrSignature = errors.New("the signature does not hold")

// Read reads an archive. With keys it must be signed by one of them; without,
// a signature is not looked at. Documents are read, but not compiled.
func Read(raw []byte, keys *Keys) (Contents, error) {
	files, err := unpack(raw)
	if err != nil {
		return Contents{}, fmt.Errorf("the bundle %w", err)
	}
	manifest, keyID, err := keys.verify(files)
	if err != nil {
		return Contents{}, err
	}
	sum := sha256.Sum256(raw)
	c := Contents{Revision: manifest.Revision, Sum: hex.EncodeToString(sum[:]), KeyID: keyID}
	if c.Policies, err = documents(files); err != nil {
		return Contents{}, fmt.Errorf("the bundle: %w", err)
	}
	if len(c.Policies) == 0 {
		return Contents{}, errors.New("the bundle holds no policy documents: make it with \"sallyport policy bundle\"")
	}
	return c, nil
}

// documents reads those that files hold.
func documents(files []file) ([]Policy, error) {
	fsys := fstest.MapFS{}
	for _, f := range files {
		fsys[f.name] = &fstest.MapFile{Data: f.b, Mode: 0o444}
	}
	var all []Policy
	var faults []error
	for _, f := range files {
		if !HoldsDocuments(f.name) {
			continue
		}
		docs, err := document.ParseAll(f.name, f.b)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		beside, err := fs.Sub(fsys, path.Dir(f.name))
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			d.Files = beside
			all = append(all, Policy{d, f.name})
		}
	}
	return all, errors.Join(faults...)
}

// readOPA reads files as OPA does, with its rules for manifests, roots, data,
// modules and signatures; without keys, signatures are passed over.
func readOPA(files []file, keys *opa.VerificationConfig) (b opa.Bundle, err error) {
	defer func() {
		// It is a parser of foreign input that is not ours.
		if fault := recover(); fault != nil {
			err = fmt.Errorf("OPA's reader gave up on it: %v", fault)
		}
	}()
	r := opa.NewCustomReader(&loader{slices.Clone(files)}).
		WithSizeLimitBytes(maxFile).
		WithRegoVersion(ast.RegoV1).
		WithLazyLoadingMode(false).
		WithBundleVerificationConfig(keys).
		WithSkipBundleVerification(keys == nil)
	b, err = r.Read()
	if err == nil && b.Type() == opa.DeltaBundleType {
		err = errors.New("is a delta bundle; only whole ones are read")
	}
	return b, err
}

// HoldsDocuments tells whether a file of a folder or an archive holds policy
// documents, by its name: JSON and YAML do, but for hidden files, data files
// of custom checks and authors' inputs.
func HoldsDocuments(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") && part != "." && part != ".." {
			return false
		}
	}
	return slices.Contains([]string{".json", ".yaml", ".yml"}, strings.ToLower(path.Ext(name))) && !IsData(path.Base(name))
}

// IsData tells whether a file is data of custom checks, or an author's input.
func IsData(base string) bool {
	return strings.HasPrefix(base, "data.") || strings.HasPrefix(base, "input.")
}
