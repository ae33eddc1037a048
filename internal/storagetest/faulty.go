package storagetest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/distribution/distribution/v3/registry/storage/driver"
)

// ErrFault is the error of a Faulty driver.
var ErrFault = errors.New("the storage fails, as the test wants")

// Operation is a kind of call to a driver.
type Operation string

// The operations that can fail.
const (
	Get    Operation = "GetContent"
	Put    Operation = "PutContent"
	Read   Operation = "Reader"
	Write  Operation = "Writer"
	Commit Operation = "Commit" // of a writer
	Middle Operation = "reading on, after the first bytes"
	Stat   Operation = "Stat"
	List   Operation = "List"
	Move   Operation = "Move"
	Delete Operation = "Delete"
)

// Operations are all of them.
var Operations = []Operation{Get, Put, Read, Write, Commit, Middle, Stat, List, Move, Delete}

// Faulty is a driver whose operations fail when the test says so. It is safe
// for concurrent use.
type Faulty struct {
	driver.StorageDriver

	mu    sync.Mutex
	calls map[Operation]int
	fail  func(op Operation, n int) bool
}

// NewFaulty returns d, which fails at nothing yet.
func NewFaulty(d driver.StorageDriver) *Faulty { return &Faulty{StorageDriver: d} }

// Fail has calls fail from now on for which f says so; n counts the calls of
// each operation from 1. nil is for none.
func (f *Faulty) Fail(fail func(op Operation, n int) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.fail = map[Operation]int{}, fail
}

func (f *Faulty) fault(op Operation) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail == nil {
		return nil
	}
	f.calls[op]++
	if f.fail(op, f.calls[op]) {
		return ErrFault
	}
	return nil
}

// GetContent implements driver.StorageDriver, as do the others.
func (f *Faulty) GetContent(ctx context.Context, path string) ([]byte, error) {
	if err := f.fault(Get); err != nil {
		return nil, err
	}
	return f.StorageDriver.GetContent(ctx, path)
}

func (f *Faulty) PutContent(ctx context.Context, path string, b []byte) error {
	if err := f.fault(Put); err != nil {
		return err
	}
	return f.StorageDriver.PutContent(ctx, path, b)
}

func (f *Faulty) Reader(ctx context.Context, path string, offset int64) (io.ReadCloser, error) {
	if err := f.fault(Read); err != nil {
		return nil, err
	}
	r, err := f.StorageDriver.Reader(ctx, path, offset)
	if err != nil {
		return nil, err
	}
	return &faultyReader{ReadCloser: r, of: f}, nil
}

func (f *Faulty) Writer(ctx context.Context, path string, more bool) (driver.FileWriter, error) {
	if err := f.fault(Write); err != nil {
		return nil, err
	}
	w, err := f.StorageDriver.Writer(ctx, path, more)
	if err != nil {
		return nil, err
	}
	return &faultyWriter{w, f}, nil
}

func (f *Faulty) Stat(ctx context.Context, path string) (driver.FileInfo, error) {
	if err := f.fault(Stat); err != nil {
		return nil, err
	}
	return f.StorageDriver.Stat(ctx, path)
}

func (f *Faulty) List(ctx context.Context, path string) ([]string, error) {
	if err := f.fault(List); err != nil {
		return nil, err
	}
	return f.StorageDriver.List(ctx, path)
}

func (f *Faulty) Walk(ctx context.Context, path string, visit driver.WalkFn, options ...func(*driver.WalkOptions)) error {
	return driver.WalkFallback(ctx, f, path, visit, options...)
}

func (f *Faulty) Move(ctx context.Context, from, to string) error {
	if err := f.fault(Move); err != nil {
		return err
	}
	return f.StorageDriver.Move(ctx, from, to)
}

func (f *Faulty) Delete(ctx context.Context, path string) error {
	if err := f.fault(Delete); err != nil {
		return err
	}
	return f.StorageDriver.Delete(ctx, path)
}

func (f *Faulty) RedirectURL(r *http.Request, path string) (string, error) {
	return f.StorageDriver.RedirectURL(r, path)
}

type faultyReader struct {
	io.ReadCloser
	of  *Faulty
	any bool
}

func (r *faultyReader) Read(p []byte) (int, error) {
	if r.any {
		if err := r.of.fault(Middle); err != nil {
			return 0, err
		}
	}
	n, err := r.ReadCloser.Read(p[:min(len(p), 4096)])
	r.any = r.any || n > 0
	return n, err
}

type faultyWriter struct {
	driver.FileWriter
	of *Faulty
}

func (w *faultyWriter) Commit(ctx context.Context) error {
	if err := w.of.fault(Commit); err != nil {
		return err
	}
	return w.FileWriter.Commit(ctx)
}
