package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect/layers"
)

// Subject is the image that a Source looks at.
type Subject struct {
	Reference image.Reference // with the image's own digest
	Facts     Facts           // of kind Image
	Indexes   []digest.Digest // of the repository that are known to lead to it
}

// Source finds out some parts of the facts about images. It is safe for
// concurrent use. What it found out is kept for the image's digest and the
// source's version, so that of all replicas one looks.
//
// Several sources may give the same part; they are merged in the order in
// which they are listed, as Knowledge says.
type Source interface {
	// Name is what the source is called where facts are shown, and in keys.
	Name() string
	// Version changes whenever the source may find out something else about the
	// same bytes.
	Version() string
	// Gives are the parts that it finds out. It is asked when one of them is needed.
	Gives() []Part
	// Look looks at the image. It fills the fields of the parts and Finding.Parts,
	// where it says of what cannot be found out of these bytes why not; Until when the
	// answer may change by itself. An error says that it could not look now.
	Look(ctx context.Context, content Content, s Subject) (Finding, error)
}

// Claims is implemented by sources whose findings are claims of others about
// an image. What is claimed adds to what is known, and never makes anything
// known: without a source of its own word the part stays unknown.
type Claims interface{ Claims() bool }

func claims(s Source) bool {
	c, ok := s.(Claims)
	return ok && c.Claims()
}

// unknown is a finding that says why s found nothing out.
func unknown(s Source, d digest.Digest, err error) Finding {
	f := Finding{Digest: d, Parts: map[Part]string{}}
	for _, p := range s.Gives() {
		f.Parts[p] = oneLine(err.Error())
	}
	return f
}

// forGood tells whether err is of the image's bytes: looking again would give it again.
func forGood(err error) bool {
	var limit *layers.LimitError
	return errors.Is(err, layers.ErrArchive) || errors.As(err, &limit)
}

func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\ufffd")), " ")
	const most = 400
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// layersOf are the layers of an image as its content opens them.
func layersOf(content Content, s Subject) []layers.Layer {
	all := make([]layers.Layer, len(s.Facts.Config.Layers))
	for i, l := range s.Facts.Config.Layers {
		all[i] = layers.Layer{Digest: l.Digest, DiffID: l.DiffID}
		all[i].Open = func(ctx context.Context) (r io.ReadCloser, err error) {
			if r, err = content.Blob(ctx, s.Reference, l.Digest); err != nil {
				return nil, fmt.Errorf("opening it: %w", err)
			}
			return r, nil
		}
	}
	return all
}
