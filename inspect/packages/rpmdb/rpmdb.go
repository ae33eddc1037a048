package rpmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Package is one installed package.
type Package struct {
	Name, Version, Release, Arch string
	Epoch                        string // decimal; empty when there is none
	Source                       string // file name of the source package; empty when it is not known
	License                      string // as the package says
}

// ErrInvalid is wrapped by all errors: the bytes are no RPM database, or a damaged one.
var ErrInvalid = errors.New("not a readable RPM database")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// maxPackages bounds what one database may list.
const maxPackages = 100_000

// Read lists the packages of the database b. log is SQLite's write-ahead log
// beside it, nil for none. Public keys, which RPM keeps as packages, are left out.
func Read(b, log []byte) ([]Package, error) {
	var read func(yield func(header []byte) error) error
	switch {
	case bytes.HasPrefix(b, []byte(sqliteMagic)):
		db, err := openSQLite(b, log)
		if err != nil {
			return nil, err
		}
		read = db.blobs
	case len(b) >= 4 && binary.LittleEndian.Uint32(b) == ndbMagic:
		read = func(yield func([]byte) error) error { return ndbBlobs(b, yield) }
	default:
		db, err := openBDB(b)
		if err != nil {
			return nil, err
		}
		read = db.blobs
	}
	packages := []Package{}
	err := read(func(header []byte) error {
		p, err := parseHeader(header)
		if err != nil {
			return err
		}
		if p.Name == "gpg-pubkey" {
			return nil
		}
		if len(packages) >= maxPackages {
			return invalid("more than %d packages", maxPackages)
		}
		packages = append(packages, p)
		return nil
	})
	return packages, err
}
