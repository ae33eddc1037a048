package library

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/policies"
)

// List returns all documents in force, sorted by name.
func (l *Library) List() []Entry { return slices.Clone(l.current.Load().shelf) }

// Get returns the document called name, or ErrNotFound.
func (l *Library) Get(name string) (Entry, error) {
	shelf := l.current.Load().shelf
	if i := find(shelf, name); i >= 0 {
		return shelf[i], nil
	}
	return Entry{}, fmt.Errorf("%w: %q", ErrNotFound, name)
}

func find(shelf []Entry, name string) int {
	return slices.IndexFunc(shelf, func(e Entry) bool { return e.Document.Name == name })
}

// Apply keeps a document and puts it in force: a new one, a new version of one
// that was applied before, or one that stands in the place of a built-in one.
// It is checked first; a document that does not compile changes nothing. When
// Apply returns, Current holds it, and other replicas are told.
func (l *Library) Apply(ctx context.Context, d policies.Document) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cfg.Objects == nil {
		return fmt.Errorf("%w: nothing keeps policies that are made here", ErrReadOnly)
	}
	// Another replica may have changed what is kept.
	entries, err := l.read(ctx)
	if err != nil {
		return err
	}
	i := find(entries, d.Name)
	if i >= 0 && (entries[i].Shelf == Folder || entries[i].Shelf == Bundle) {
		return fmt.Errorf("%w: %q comes from %s, change it there", ErrReadOnly, d.Name, entries[i].Place)
	}
	d.ReadOnly = false
	d.LastUpdate = l.now().UTC().Format(time.RFC3339)
	if d.ID == 0 {
		d.ID = idFor(entries, i)
	}
	b, err := d.MarshalJSON()
	if err != nil {
		return fmt.Errorf("policy %q: %w", d.Name, err)
	}
	e := Entry{Document: d, Shelf: API, Place: keyOf(d.Name), hash: sha256.Sum256(b)}
	if i >= 0 {
		entries[i] = e
	} else {
		i, _ = slices.BinarySearchFunc(entries, d.Name, func(e Entry, name string) int { return strings.Compare(e.Document.Name, name) })
		entries = slices.Insert(entries, i, e)
	}
	// Compile before keeping: what is kept must load at the next start.
	if _, err := l.next(ctx, entries); err != nil {
		return err
	}
	if err := l.cfg.Objects.Put(ctx, e.Place, b); err != nil {
		return err
	}
	return l.publish(ctx, entries)
}

// Delete takes a document away that was applied; a built-in one that it stood
// for is in force again.
func (l *Library) Delete(ctx context.Context, name string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	entries, err := l.read(ctx)
	if err != nil {
		return err
	}
	i := find(entries, name)
	switch {
	case i < 0:
		return fmt.Errorf("%w: %q", ErrNotFound, name)
	case entries[i].Shelf == BuiltIn:
		return fmt.Errorf("%w: %q is built in; apply a document of that name with enabled: false to switch it off", ErrReadOnly, name)
	case entries[i].Shelf == Folder || entries[i].Shelf == Bundle:
		return fmt.Errorf("%w: %q comes from %s, delete it there", ErrReadOnly, name, entries[i].Place)
	}
	if err := l.cfg.Objects.Delete(ctx, entries[i].Place); err != nil {
		return err
	}
	entries, err = merge(slices.DeleteFunc(slices.Delete(entries, i, i+1), func(e Entry) bool { return e.Shelf == BuiltIn }))
	if err != nil {
		return err
	}
	return l.publish(ctx, entries)
}

// publish puts entries in force here and tells the other replicas. They look
// for themselves when they cannot be told, so that is no failure.
func (l *Library) publish(ctx context.Context, entries []Entry) error {
	if err := l.put(ctx, entries); err != nil {
		return err
	}
	if l.cfg.Bus == nil {
		return nil
	}
	if err := l.cfg.Bus.Publish(ctx, Topic); err != nil {
		l.log.Warn("other replicas were not told of the change of policies and will notice by themselves", "within", l.cfg.Poll, "error", err)
	}
	return nil
}

// idFor keeps the number of the document that is replaced, or takes the next.
func idFor(entries []Entry, replaced int) int {
	if replaced >= 0 && entries[replaced].Document.ID != 0 {
		return entries[replaced].Document.ID
	}
	id := 0
	for _, e := range entries {
		id = max(id, e.Document.ID)
	}
	return id + 1
}
