package library

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/builtin"
	"github.com/sallyport-dev/sallyport/policies/bundle"
	"github.com/sallyport-dev/sallyport/policies/document"
)

// Shelf is where a document comes from.
type Shelf string

// The shelves.
const (
	BuiltIn Shelf = "built-in"
	Folder  Shelf = "folder"
	Bundle  Shelf = "bundle"
	API     Shelf = "api"
)

// Entry is one document in force, and where it comes from.
type Entry struct {
	Document policies.Document
	Shelf    Shelf
	Place    string // the file, the bundle and its file, or the object's key
	Revision string // of the bundle
	hash     [sha256.Size]byte
	supply   *bundle.Source // of a bundle
}

// prefix of the keys of documents made through the API.
const prefix = "policies"

func keyOf(name string) string { return prefix + "/" + name + ".json" }

// parsed is what a file held when its bytes had this hash.
type parsed struct {
	hash [sha256.Size]byte
	docs []policies.Document
}

// read collects all shelves, sorted by name.
func (l *Library) read(ctx context.Context) ([]Entry, error) {
	own, err := l.readFolder()
	if err != nil {
		return nil, err
	}
	made, err := l.readObjects(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range l.supplies {
		own = append(own, s.entries...)
	}
	return merge(append(own, made...))
}

// merge adds the built-in documents that no other stands in for.
func merge(entries []Entry) ([]Entry, error) {
	byName := map[string]Entry{}
	var faults []error
	for _, e := range entries {
		if other, twice := byName[e.Document.Name]; twice {
			faults = append(faults, fmt.Errorf("policy %q stands in %s and in %s: rename or delete one", e.Document.Name, other.Place, e.Place))
			continue
		}
		byName[e.Document.Name] = e
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	all := slices.Clone(entries)
	built, err := builtin.Documents()
	if err != nil {
		return nil, err
	}
	for _, d := range built {
		if _, replaced := byName[d.Name]; !replaced {
			all = append(all, Entry{Document: d, Shelf: BuiltIn, Place: "built in"})
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(a.Document.Name, b.Document.Name) })
	return all, nil
}

// readFolder reads every document below the folder. Names that begin with a
// dot are passed over: in a mounted ConfigMap they are the folders that its
// symbolic links lead through.
func (l *Library) readFolder() ([]Entry, error) {
	if l.cfg.Folder == "" {
		return nil, nil
	}
	for range 10 {
		before := links(l.cfg.Folder)
		entries, err := l.readFiles()
		if slices.Equal(before, links(l.cfg.Folder)) {
			return entries, err
		}
	}
	return nil, fmt.Errorf("folder of policies: %s changes faster than it can be read", l.cfg.Folder)
}

// links are the symbolic links of a folder and where they lead. The kubelet
// swaps one for all files of a ConfigMap: files that were read before and after
// it would be of two versions.
func links(folder string) []string {
	var all []string
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type()&fs.ModeSymlink != 0 {
			target, _ := os.Readlink(path)
			all = append(all, path+" "+target)
		}
		return nil // what cannot be read is said by those who read it
	})
	return all
}

func (l *Library) readFiles() ([]Entry, error) {
	var entries []Entry
	var faults []error
	beside := sha256.New() // over what custom checks may be made of
	err := filepath.WalkDir(l.cfg.Folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case hidden(d.Name()) && path != l.cfg.Folder:
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || !isRead(d.Name()):
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			faults = append(faults, err)
			return nil
		}
		if !bundle.HoldsDocuments(d.Name()) {
			fmt.Fprintf(beside, "%d %s %d\n%s", len(path), path, len(b), b)
			return nil
		}
		docs, hash, err := l.parse(path, b)
		if err != nil {
			faults = append(faults, err)
			return nil
		}
		for i, d := range docs {
			d.Files = os.DirFS(filepath.Dir(path))
			entries = append(entries, Entry{Document: d, Shelf: Folder, Place: path, hash: sha256.Sum256(append(hash[:], byte(i), byte(i>>8)))})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("folder of policies: %w", err)
	}
	for i := range entries {
		if e := &entries[i]; len(e.Document.CustomChecks) > 0 {
			e.hash = sha256.Sum256(beside.Sum(e.hash[:]))
		}
	}
	return entries, errors.Join(faults...)
}

func hidden(name string) bool { return strings.HasPrefix(name, ".") }

// isRead tells whether a file of the folder matters: documents, and what
// custom checks may be made of.
func isRead(name string) bool {
	return bundle.HoldsDocuments(name) || strings.HasSuffix(name, ".rego") || bundle.IsData(name)
}

func (l *Library) readObjects(ctx context.Context) ([]Entry, error) {
	if l.cfg.Objects == nil {
		return nil, nil
	}
	keys, err := l.cfg.Objects.List(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	var faults []error
	for _, key := range keys {
		b, err := l.cfg.Objects.Get(ctx, key)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		docs, hash, err := l.parse(key, b)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("object %w", err))
		case len(docs) != 1 || keyOf(docs[0].Name) != key:
			faults = append(faults, fmt.Errorf("object %s holds another policy than its name says: delete it", key))
		default:
			entries = append(entries, Entry{Document: docs[0], Shelf: API, Place: key, hash: hash})
		}
	}
	return entries, errors.Join(faults...)
}

// parse reads documents, unless they are the same bytes as last time.
func (l *Library) parse(place string, b []byte) ([]policies.Document, [sha256.Size]byte, error) {
	hash := sha256.Sum256(b)
	if was, ok := l.known[place]; ok && was.hash == hash {
		return was.docs, hash, nil
	}
	docs, err := document.ParseAll(place, b)
	if err != nil {
		return nil, hash, err
	}
	l.known[place] = parsed{hash, docs}
	return docs, hash, nil
}
