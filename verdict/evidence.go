package verdict

import (
	"context"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/objects"
)

// PutEvents stores the events behind the report raw, which a run made: lines of
// JSON, compressed with gzip. They are foreign and kept as they are; who reads
// them checks them.
func (s *Store) PutEvents(ctx context.Context, raw, events []byte) error {
	return s.objects.Put(ctx, evidenceKey("events", digest.FromBytes(raw)), events)
}

// Events returns the events behind the verdict of d, as they were put, or
// ErrNone when there are none.
func (s *Store) Events(ctx context.Context, d digest.Digest) ([]byte, error) {
	v, err := s.Get(ctx, d)
	if err != nil {
		return nil, err
	}
	return s.evidence(ctx, "events", v)
}

// PutObservations stores what the report raw, which a run made, was judged from:
// JSON, compressed with gzip. It is foreign like events.
func (s *Store) PutObservations(ctx context.Context, raw, observations []byte) error {
	return s.objects.Put(ctx, evidenceKey("observations", digest.FromBytes(raw)), observations)
}

// Observations returns what v was judged from, as it was put, or ErrNone when
// that was not kept.
func (s *Store) Observations(ctx context.Context, v Verdict) ([]byte, error) {
	return s.evidence(ctx, "observations", v)
}

// evidence reads what is kept of the run behind v.
func (s *Store) evidence(ctx context.Context, kind string, v Verdict) ([]byte, error) {
	run := v.run()
	if run == "" {
		return nil, fmt.Errorf("%w with %s for %s", ErrNone, kind, v.Digest)
	}
	b, err := s.objects.Get(ctx, evidenceKey(kind, run))
	if errors.Is(err, objects.ErrNotFound) {
		return nil, fmt.Errorf("%w with %s for %s", ErrNone, kind, v.Digest)
	}
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", kind, v.Digest, err)
	}
	return b, nil
}

func evidenceKey(kind string, run digest.Digest) string {
	return objects.Key(kind, run.Algorithm().String(), run.Encoded())
}
