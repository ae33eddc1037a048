// Package builtin holds the policies that come with the program: Default,
// which applies to every image and is gentle, and DTA, which selects what is
// run in the sandbox.
//
// They are ordinary documents, read-only templates: a document of the same
// name that the administrator applies stands in their place, and deleting
// that one brings them back.
package builtin

import (
	"embed"
	"io/fs"
	"path"

	"github.com/sallyport-dev/sallyport/policies/document"
)

//go:embed *.json
var files embed.FS

// Documents returns the built-in policies, sorted by name.
func Documents() ([]document.Document, error) {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, err
	}
	docs := make([]document.Document, 0, len(names))
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		d, err := document.Parse(path.Join("builtin", name), b)
		if err != nil {
			return nil, err
		}
		docs = append(docs, d)
	}
	return docs, nil
}
