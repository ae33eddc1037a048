package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// fromFile is the path of an archive.
type fromFile string

func (f fromFile) fetch(_ context.Context, mark string) (Fetched, error) {
	file, err := os.Open(string(f))
	if err != nil {
		return Fetched{}, err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && !info.Mode().IsRegular() {
		return Fetched{}, fmt.Errorf("%s is no file", string(f))
	}
	b, err := readAll(file)
	if err != nil {
		return Fetched{}, err
	}
	return newer(b, mark)
}

// readAll reads what is not larger than an archive may be.
func readAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err == nil && len(b) > MaxSize {
		err = tooLarge()
	}
	return b, err
}

// newer marks b by its hash.
func newer(b []byte, mark string) (Fetched, error) {
	sum := sha256.Sum256(b)
	if now := "sha256:" + hex.EncodeToString(sum[:]); now != mark {
		return Fetched{b, now}, nil
	}
	return Fetched{}, ErrUnchanged
}
