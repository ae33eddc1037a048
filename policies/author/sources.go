package author

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/custom"
	"github.com/sallyport-dev/sallyport/policies/document"
)

// Sources are what authors wrote: policy documents, Rego and its tests, data.
type Sources struct {
	Policies []Policy
	Modules  []Module // sorted by file
	Data     map[string]any

	beside map[string]*dataFile // data files that were read
	data   map[string]string    // where each of Data's keys stands
	seen   map[string]bool      // files that were read
	kept   []keptFile           // documents and data as they are written
}

// keptFile is a file that is more than the Rego in it.
type keptFile struct {
	file, path string
	text       []byte
}

// Policy is a document, and where it stands.
type Policy struct {
	Document policies.Document
	File     string
}

// Module is a file of Rego.
type Module struct {
	File string // as errors call it
	Text string
	Path string // in a tree: slashes, relative

	added int // lines at the beginning that the author did not write
}

// Test tells whether a module holds tests only.
func (m Module) Test() bool { return strings.HasSuffix(m.File, "_test.rego") }

// Stdin is the name of a file that means the standard input: of documents.
const Stdin = "-"

// maxFile is the largest file of Rego or data that is read, in bytes.
const maxFile = 16 << 20

// Read reads files and folders, as the library of a gate reads its folder:
// names that begin with a dot are passed over, data.json and data.yaml are
// data, input.json and input.yaml are for editors, other JSON and YAML holds
// policies. Besides, *.rego is read wherever it stands, with its tests.
//
// Data stand below the path of their folder, as for opa: below the folder of
// the policy whose custom check has them beside it, else below the folder that
// is read. The error is Faults: all that is wrong; what could be read is in
// Sources nevertheless.
func Read(paths []string, stdin io.Reader) (*Sources, error) {
	s := &Sources{Data: map[string]any{}, beside: map[string]*dataFile{}, data: map[string]string{}, seen: map[string]bool{}}
	var faults Faults
	for _, path := range paths {
		faults = append(faults, s.add(path, stdin)...)
	}
	faults = append(faults, s.addChecks()...)
	faults = append(faults, s.mergeAll()...)
	faults = append(faults, s.doubles()...)
	slices.SortFunc(s.Modules, func(a, b Module) int { return strings.Compare(a.File, b.File) })
	return s, faults.sorted().err()
}

func (s *Sources) add(path string, stdin io.Reader) Faults {
	if path == Stdin {
		b, err := io.ReadAll(io.LimitReader(stdin, document.MaxSize+1))
		if err != nil {
			return faultsOf("standard input", err)
		}
		s.kept = append(s.kept, keptFile{"standard input", "policies/standard-input.yaml", b})
		return s.documents("standard input", b, "")
	}
	info, err := os.Stat(path)
	if err != nil {
		return faultsOf(path, err)
	}
	if !info.IsDir() {
		return s.file(path, filepath.Base(path))
	}
	var faults Faults
	err = filepath.WalkDir(path, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			faults = append(faults, faultsOf(file, err)...)
			return nil
		case strings.HasPrefix(d.Name(), ".") && file != path:
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		case kindOf(d.Name()) == nothing:
			return nil
		}
		below, err := filepath.Rel(path, file)
		if err != nil {
			return err
		}
		faults = append(faults, s.file(file, filepath.ToSlash(below))...)
		return nil
	})
	return append(faults, faultsOf(path, err)...)
}

type kind int

const (
	nothing kind = iota
	rego
	data
	documents
)

// kindOf is what a file of a folder holds.
func kindOf(name string) kind {
	switch ext := strings.ToLower(filepath.Ext(name)); {
	case ext == ".rego":
		return rego
	case ext != ".json" && ext != ".yaml" && ext != ".yml", strings.HasPrefix(name, "input."):
		return nothing
	case strings.HasPrefix(name, "data."):
		return data
	}
	return documents
}

// file reads one file; path is its place in a tree.
func (s *Sources) file(file, path string) Faults {
	key := filepath.Clean(file)
	if s.seen[key] {
		return nil
	}
	s.seen[key] = true
	k := kindOf(filepath.Base(file))
	if k == nothing {
		return Faults{{"is neither Rego (.rego) nor JSON nor YAML", CodeRead, Location{File: file}}}
	}
	b, err := readFile(file)
	if err != nil {
		return faultsOf(file, err)
	}
	switch k {
	case rego:
		s.Modules = append(s.Modules, Module{File: file, Text: string(b), Path: path})
		return nil
	case data:
		s.kept = append(s.kept, keptFile{file, path, b})
		s.beside[key] = &dataFile{file, path, b}
		return nil
	}
	s.kept = append(s.kept, keptFile{file, path, b})
	return s.documents(file, b, filepath.Dir(file))
}

func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(b) > maxFile {
		err = &fs.PathError{Op: "read", Path: file, Err: fmt.Errorf("has more than %d bytes", maxFile)}
	}
	return b, err
}

func (s *Sources) documents(file string, b []byte, dir string) Faults {
	docs, err := document.ParseAll(file, b)
	if err != nil {
		return faultsOf(file, err)
	}
	for _, d := range docs {
		if dir != "" {
			d.Files = os.DirFS(dir)
		}
		s.Policies = append(s.Policies, Policy{d, file})
	}
	return nil
}

// AddDocuments adds documents that a gate has. Custom checks of theirs that
// stand in files stay there.
func (s *Sources) AddDocuments(docs []policies.Document) error {
	for _, d := range docs {
		b, err := d.YAML()
		if err != nil {
			return err
		}
		file := "policies/" + d.Name + ".yaml"
		s.kept = append(s.kept, keptFile{file, file, b})
		s.Policies = append(s.Policies, Policy{d, file})
		if d.CustomChecksEnabled {
			s.snippets(s.Policies[len(s.Policies)-1])
		}
	}
	return s.doubles().err()
}

// addChecks reads the files that custom checks name, also where a document
// alone was given, and the snippets within documents.
func (s *Sources) addChecks() Faults {
	var faults Faults
	for _, p := range s.Policies {
		if !p.Document.CustomChecksEnabled {
			continue
		}
		for _, c := range p.Document.CustomChecks {
			if c.Path == "" || c.Snippet != "" || p.Document.Files == nil {
				continue
			}
			files, err := custom.Files(p.Document.Files, c.Path)
			if err != nil {
				continue // said where the policy is compiled
			}
			for name := range files {
				file := filepath.Join(filepath.Dir(p.File), filepath.FromSlash(name))
				faults = append(faults, s.file(file, name)...)
				if f := s.beside[filepath.Clean(file)]; f != nil {
					f.path = name
				}
			}
		}
		s.snippets(p)
	}
	return faults
}

// doubles finds policies of the same name.
func (s *Sources) doubles() Faults {
	var faults Faults
	first := map[string]string{}
	for _, p := range s.Policies {
		name := p.Document.Name
		if other, twice := first[name]; twice {
			faults = append(faults, Fault{fmt.Sprintf("policy %q stands in %s too: rename or delete one", name, other), CodeDocument, Location{File: p.File}})
			continue
		}
		first[name] = p.File
	}
	return faults
}

// Documents are the policies' documents.
func (s *Sources) Documents() []policies.Document {
	docs := make([]policies.Document, len(s.Policies))
	for i, p := range s.Policies {
		docs[i] = p.Document
	}
	return docs
}

// ErrNothing is returned where there is nothing to work on.
var ErrNothing = errors.New("there is neither a policy nor Rego")
