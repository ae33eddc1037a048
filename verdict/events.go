package verdict

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/objects"
)

// PutEvents stores the events behind the report raw: lines of JSON, compressed
// with gzip. They are foreign and kept as they are; who reads them checks them.
func (s *Store) PutEvents(ctx context.Context, raw, events []byte) error {
	return s.objects.Put(ctx, eventsKey(digest.FromBytes(raw)), events)
}

// Events returns the events behind the verdict of d, as they were put, or
// ErrNone when there are none.
func (s *Store) Events(ctx context.Context, d digest.Digest) ([]byte, error) {
	v, err := s.Get(ctx, d)
	if err != nil {
		return nil, err
	}
	if v.Report == "" {
		return nil, fmt.Errorf("%w with events for %s", ErrNone, d)
	}
	b, err := s.objects.Get(ctx, eventsKey(v.Report))
	if errors.Is(err, objects.ErrNotFound) {
		return nil, fmt.Errorf("%w with events for %s", ErrNone, d)
	}
	if err != nil {
		return nil, fmt.Errorf("events of %s: %w", d, err)
	}
	return b, nil
}

func eventsKey(d digest.Digest) string {
	return objects.Key("events", d.Algorithm().String(), d.Encoded())
}
