package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/policies/bundle"
)

// pack writes an archive of pairs of name and content, whatever they are.
func pack(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: pairs[i], Mode: 0o644, Size: int64(len(pairs[i+1]))}); err != nil {
			continue // a name that no archive can hold
		}
		if _, err := io.WriteString(w, pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	_ = w.Close()
	_ = z.Close()
	return out.Bytes()
}

// tampered is an archive with one file changed, added or, when text is empty, taken out.
func tampered(t testing.TB, archive []byte, name, text string) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	var pairs []string
	changed := false
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if strings.TrimPrefix(h.Name, "/") == name {
			changed = true
			if text == "" {
				continue
			}
			b = []byte(text)
		}
		pairs = append(pairs, h.Name, string(b))
	}
	if !changed {
		pairs = append(pairs, "/"+name, text)
	}
	return pack(t, pairs...)
}

// flipped changes one byte within the compressed data.
func flipped(b []byte) []byte {
	b = slices.Clone(b)
	b[len(b)/2] ^= 0x10
	return b
}

// bomb is small as it travels and large when it is unpacked.
func bomb(t testing.TB) []byte {
	t.Helper()
	var pairs []string
	for i := range 10 {
		pairs = append(pairs, fmt.Sprintf("%d.txt", i), strings.Repeat(" ", 7<<20))
	}
	b := pack(t, pairs...)
	if len(b) > bundle.MaxSize/10 {
		t.Fatalf("the bomb has %d bytes", len(b))
	}
	return b
}

// hmacOf signs with a public key as if it were a secret.
func hmacOf(t testing.TB, public string) []byte {
	t.Helper()
	return build(t, bundle.Settings{Key: public, Algorithm: "HS256"}).Bytes
}
