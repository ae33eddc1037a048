package author

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/format"
)

// Formatted is a file of Rego before and after.
type Formatted struct {
	File string
	Old  []byte
	New  []byte
}

// Changed tells whether the file is not formatted yet.
func (f Formatted) Changed() bool { return !bytes.Equal(f.Old, f.New) }

// Diff is the change as a unified diff; empty when there is none.
func (f Formatted) Diff() string {
	return udiff.Unified(f.File, f.File, string(f.Old), string(f.New))
}

// Format formats Rego as "opa fmt" does. The error is Faults.
func Format(file string, text []byte) (Formatted, error) {
	out, err := format.SourceWithOpts(file, text, format.Opts{
		RegoVersion:   ast.RegoV1,
		ParserOptions: &ast.ParserOptions{RegoVersion: ast.RegoV1},
	})
	if err != nil {
		return Formatted{}, faultsOf(file, err)
	}
	return Formatted{file, text, out}, nil
}

// FormatFiles formats the Rego of files and folders and gives each to do, in
// the order of names. The error joins what is wrong with them, and what do
// returned.
func FormatFiles(paths []string, do func(Formatted) error) error {
	var faults Faults
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				faults = append(faults, faultsOf(file, err)...)
				return nil
			case strings.HasPrefix(d.Name(), ".") && file != path:
				if d.IsDir() {
					return fs.SkipDir
				}
				return nil
			case d.IsDir() || filepath.Ext(file) != ".rego":
				if !d.IsDir() && file == path {
					faults = append(faults, Fault{"is not Rego (.rego)", CodeRead, Location{File: file}})
				}
				return nil
			}
			b, err := readFile(file)
			if err != nil {
				faults = append(faults, faultsOf(file, err)...)
				return nil
			}
			f, err := Format(file, b)
			if err != nil {
				faults = append(faults, faultsOf(file, err)...)
				return nil
			}
			return do(f)
		})
		if err != nil {
			return errors.Join(faults.err(), err)
		}
	}
	return faults.err()
}

// Write replaces the file by its formatted text, with the mode that it has.
func (f Formatted) Write() error {
	info, err := os.Stat(f.File)
	if err != nil {
		return err
	}
	// In place: a symbolic link stays one, as the owner stays the owner.
	return os.WriteFile(f.File, f.New, info.Mode().Perm())
}
