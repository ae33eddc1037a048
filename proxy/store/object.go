package store

import (
	"context"
	"errors"
	"io"

	"github.com/distribution/distribution/v3/registry/storage/driver"
)

// object reads a blob of a driver that gives streams only: a seek is a new
// stream, opened by the next read.
type object struct {
	ctx    context.Context
	driver driver.StorageDriver
	path   string
	size   int64
	at     int64
	open   io.ReadCloser // at at; nil after a seek
	done   func()        // called by Close
}

func (o *object) Read(p []byte) (int, error) {
	if o.at >= o.size {
		return 0, io.EOF
	}
	if o.open == nil {
		r, err := o.driver.Reader(o.ctx, o.path, o.at)
		if err != nil {
			return 0, err
		}
		o.open = r
	}
	n, err := o.open.Read(p)
	o.at += int64(n)
	return n, err
}

func (o *object) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += o.at
	case io.SeekEnd:
		offset += o.size
	}
	if offset < 0 {
		return o.at, errors.New("seek before the beginning of a blob")
	}
	if offset != o.at {
		if err := o.drop(); err != nil {
			return o.at, err
		}
		o.at = offset
	}
	return o.at, nil
}

func (o *object) Close() error {
	o.done()
	return o.drop()
}

func (o *object) drop() error {
	if o.open == nil {
		return nil
	}
	r := o.open
	o.open = nil
	return r.Close()
}
