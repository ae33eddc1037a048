package verdict

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/report"
)

// ErrSuperseded is returned when another verdict took the place of the one that
// was judged again.
var ErrSuperseded = errors.New("another verdict is in force meanwhile")

// Rejudge puts in the place of old what other rules make of the same run: raw
// is the run's report with their findings. The verdict may become worse or
// milder, also inconclusive, since nothing but the rules speaks for the old one. It keeps
// the time of the run, so that a later run wins, whenever it ends. Errors wrap
// report.ErrInvalid, ErrSubject, ErrSuperseded or are the storage's.
func (s *Store) Rejudge(ctx context.Context, old Verdict, raw []byte) (Verdict, error) {
	r, err := report.Decode(bytes.NewReader(raw))
	if err != nil {
		return Verdict{}, fmt.Errorf("report of %s: %w", old.Digest, err)
	}
	if r.Image.Digest != old.Digest.String() {
		return Verdict{}, fmt.Errorf("%w: %q instead of %s", ErrSubject, report.Escape(r.Image.Digest), old.Digest)
	}
	v := FromReport(r, old.Subject, digest.FromBytes(raw), old.Time)
	v.Digest, v.Run, v.Rejudged = old.Digest, old.run(), time.Now().UTC()
	if err := s.objects.Put(ctx, reportKey(v.Report), raw); err != nil {
		return Verdict{}, err
	}
	now, err := s.stored(ctx, old.Digest)
	if err != nil {
		return Verdict{}, err
	}
	if now.Version() != old.Version() {
		return now, fmt.Errorf("%w for %s", ErrSuperseded, old.Digest)
	}
	if err := s.objects.PutJSON(ctx, verdictKey(v.Digest), v); err != nil {
		return Verdict{}, err
	}
	s.Announce(ctx)
	if old.Report != v.Report && old.Report != old.run() {
		// An earlier judgement of the run. The run's own report stays.
		if err := s.objects.Delete(ctx, reportKey(old.Report)); err != nil {
			s.log.WarnContext(ctx, "deleting a report that was judged again", "digest", v.Digest, "error", err)
		}
	}
	return v, nil
}

// All yields the verdicts in force of all digests, in the order of digests. One
// that cannot be read is an error, and the others follow.
func (s *Store) All(ctx context.Context) iter.Seq2[Verdict, error] {
	return func(yield func(Verdict, error) bool) {
		keys, err := s.objects.List(ctx, "verdicts")
		if err != nil {
			yield(Verdict{}, fmt.Errorf("listing verdicts: %w", err))
			return
		}
		for _, key := range keys {
			parts, err := objects.Parts(key)
			if err != nil || len(parts) != 3 {
				continue // not ours
			}
			v, err := s.stored(ctx, digest.NewDigestFromEncoded(digest.Algorithm(parts[1]), parts[2]))
			if errors.Is(err, ErrNone) {
				continue
			}
			if !yield(v, err) || ctx.Err() != nil {
				return
			}
		}
	}
}
