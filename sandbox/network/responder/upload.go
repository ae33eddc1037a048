package responder

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
)

// maxParts bounds how many files of one upload are told apart.
const maxParts = 32

// upload reads a request's body to its end, keeps its beginning, and takes the
// hash of it and of each file in it.
func upload(c *Conversation, req *http.Request) (body []byte, size int64, sums []string, err error) {
	whole, kept := sha256.New(), &beginning{max: maxBody}
	r := io.TeeReader(resting{req.Body, c}, io.MultiWriter(whole, kept))
	kind, parameters, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if kind == "multipart/form-data" && parameters["boundary"] != "" {
		sums = parts(multipart.NewReader(r, parameters["boundary"]))
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, 0, nil, err
	}
	if kept.seen > 0 {
		sums = append(sums, hexSum(whole))
	}
	return kept.bytes, kept.seen, sums, nil
}

// parts is the hashes of the files in a form. What cannot be read as one is
// read over by the caller.
func parts(r *multipart.Reader) (sums []string) {
	for len(sums) < maxParts {
		part, err := r.NextRawPart()
		if err != nil {
			return sums
		}
		h := sha256.New()
		if _, err := io.Copy(h, part); err != nil {
			return sums
		}
		if part.FileName() != "" {
			sums = append(sums, hexSum(h))
		}
	}
	return sums
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// resting allows the guest another idle period with each piece.
type resting struct {
	io.Reader
	c *Conversation
}

func (r resting) Read(p []byte) (int, error) {
	r.c.rest()
	return r.Reader.Read(p)
}

// beginning keeps the first max bytes written to it.
type beginning struct {
	max   int
	bytes []byte
	seen  int64
}

func (b *beginning) Write(p []byte) (int, error) {
	b.seen += int64(len(p))
	if room := b.max - len(b.bytes); room > 0 {
		b.bytes = append(b.bytes, p[:min(room, len(p))]...)
	}
	return len(p), nil
}
