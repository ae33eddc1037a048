package verdict

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/opencontainers/go-digest"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/report"
)

var (
	// ErrNone is returned for a digest of which nothing is known.
	ErrNone = errors.New("no verdict")
	// ErrSubject is returned for a report about another image than was run.
	ErrSubject = errors.New("the report is about another image")
)

const (
	remembered = 16384            // digests in the local cache
	maxAge     = time.Minute      // of a local copy, whatever the marks say
	redisAge   = 10 * time.Minute // of a copy in Redis
)

// Store remembers verdicts and reports. It is safe for concurrent use, also by
// several processes on one storage: a new verdict is seen by the next Get on each.
type Store struct {
	objects *objects.Store
	redis   redis.UniversalClient
	epochs  *epoch.Epochs
	local   *lru.Cache[digest.Digest, entry]
	log     *slog.Logger
}

// entry is what a local copy holds: a verdict, or that there is none.
type entry struct {
	verdict *Verdict // nil: there is none
	marks   epoch.Marks
	until   time.Time
}

// Option changes a Store.
type Option func(*Store)

// Log has the Store write to log what it could not cache.
func Log(log *slog.Logger) Option { return func(s *Store) { s.log = log } }

// New returns the verdicts kept in store, with r and a local cache before them.
func New(store *objects.Store, r redis.UniversalClient, options ...Option) (*Store, error) {
	if store == nil || r == nil {
		return nil, errors.New("verdicts need objects and Redis")
	}
	local, err := lru.New[digest.Digest, entry](remembered)
	if err != nil {
		return nil, err
	}
	s := &Store{objects: store, redis: r, epochs: epoch.New(r), local: local, log: slog.Default()}
	for _, o := range options {
		o(s)
	}
	return s, nil
}

// Get returns the verdict in force of the platform manifest d. Errors wrap
// ErrNone, or are the storage's; Redis being away is none.
func (s *Store) Get(ctx context.Context, d digest.Digest) (Verdict, error) {
	if err := d.Validate(); err != nil {
		return Verdict{}, fmt.Errorf("verdict of %q: %w", d, err)
	}
	// Marks are read before the verdict: a change in between makes the copy look
	// too old, never too new. Without marks no copy is trusted.
	marks, err := s.epochs.Read(ctx, epoch.Verdicts)
	if err != nil {
		return s.stored(ctx, d)
	}
	if e, ok := s.local.Get(d); ok && e.marks == marks && time.Now().Before(e.until) {
		if e.verdict == nil {
			return Verdict{}, none(d)
		}
		return *e.verdict, nil
	}
	v, err := s.shared(ctx, d, marks)
	e := entry{marks: marks, until: time.Now().Add(maxAge)}
	if err == nil {
		e.verdict = &v
	}
	if err == nil || errors.Is(err, ErrNone) {
		s.local.Add(d, e)
	}
	return v, err
}

// shared reads through Redis. Its keys hold the marks: after a change, whatever
// was written about the time before is not found any more.
func (s *Store) shared(ctx context.Context, d digest.Digest, marks epoch.Marks) (Verdict, error) {
	key := "sallyport:verdict:" + d.String() + ":" + string(marks)
	var v Verdict
	if raw, err := s.redis.Get(ctx, key).Bytes(); err == nil && json.Unmarshal(raw, &v) == nil && v.Digest == d {
		return v, nil
	}
	v, err := s.stored(ctx, d)
	if err != nil {
		return v, err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return v, fmt.Errorf("encoding the verdict of %s: %w", d, err)
	}
	if err := s.redis.Set(ctx, key, raw, redisAge).Err(); err != nil && ctx.Err() == nil {
		s.log.DebugContext(ctx, "caching a verdict in Redis", "digest", d, "error", err)
	}
	return v, nil
}

func (s *Store) stored(ctx context.Context, d digest.Digest) (Verdict, error) {
	var v Verdict
	err := s.objects.GetJSON(ctx, verdictKey(d), &v)
	switch {
	case errors.Is(err, objects.ErrNotFound):
		return Verdict{}, none(d)
	case err != nil:
		return Verdict{}, err
	case v.Digest != d:
		return Verdict{}, fmt.Errorf("object %s is damaged: it is the verdict of %q", verdictKey(d), v.Digest)
	}
	return v, nil
}

// Put stores the report of a run of subject, and the verdict that it amounts to,
// which it returns, or the one that stays in force: what concludes nothing does
// not replace what concluded something. raw is foreign input; errors wrap
// report.ErrInvalid, ErrSubject or the storage's.
func (s *Store) Put(ctx context.Context, subject Subject, raw []byte) (Verdict, error) {
	r, err := report.Decode(bytes.NewReader(raw))
	if err != nil {
		return Verdict{}, fmt.Errorf("report of %s: %w", subject.Digest, err)
	}
	if r.Image.Digest != subject.Digest.String() {
		return Verdict{}, fmt.Errorf("%w: %q instead of %s", ErrSubject, report.Escape(r.Image.Digest), subject.Digest)
	}
	sum := digest.FromBytes(raw)
	// The report comes first: a verdict never names one that is not there.
	if err := s.objects.Put(ctx, reportKey(sum), raw); err != nil {
		return Verdict{}, err
	}
	return s.Conclude(ctx, FromReport(r, subject, sum, time.Now()))
}

// Conclude stores a verdict, also one without report, and returns the one that
// is in force then.
func (s *Store) Conclude(ctx context.Context, v Verdict) (Verdict, error) {
	switch old, err := s.stored(ctx, v.Digest); {
	case err == nil && (old.conclusive() && !v.conclusive() || v.Time.Before(old.Time)):
		return old, nil
	case err != nil && !errors.Is(err, ErrNone):
		// Damaged: the new verdict heals it.
		s.log.WarnContext(ctx, "replacing a verdict that cannot be read", "digest", v.Digest, "error", err)
	}
	if err := s.objects.PutJSON(ctx, verdictKey(v.Digest), v); err != nil {
		return Verdict{}, err
	}
	s.Announce(ctx)
	return v, nil
}

// Announce makes every replica look at the objects again.
func (s *Store) Announce(ctx context.Context) { s.epochs.Advance(ctx, epoch.Verdicts) }

// Report returns the bytes of the report behind the verdict of d, or ErrNone
// when there is no verdict, or one without report.
func (s *Store) Report(ctx context.Context, d digest.Digest) ([]byte, error) {
	v, err := s.Get(ctx, d)
	if err != nil {
		return nil, err
	}
	b, err := s.report(ctx, v)
	if errors.Is(err, objects.ErrNotFound) {
		// Judged again since the verdict was read: the report of now is another.
		if now, again := s.stored(ctx, d); again == nil && now.Report != v.Report {
			return s.report(ctx, now)
		}
	}
	return b, err
}

// ReportOf is Report of the verdict v, which may be in force no more.
func (s *Store) ReportOf(ctx context.Context, v Verdict) ([]byte, error) { return s.report(ctx, v) }

func (s *Store) report(ctx context.Context, v Verdict) ([]byte, error) {
	if v.Report == "" {
		return nil, fmt.Errorf("%w with a report for %s", ErrNone, v.Digest)
	}
	b, err := s.objects.Get(ctx, reportKey(v.Report))
	if err != nil {
		return nil, fmt.Errorf("report of %s: %w", v.Digest, err)
	}
	if digest.FromBytes(b) != v.Report {
		return nil, fmt.Errorf("object %s is damaged: its digest is another", reportKey(v.Report))
	}
	return b, nil
}

func none(d digest.Digest) error { return fmt.Errorf("%w for %s", ErrNone, d) }

func verdictKey(d digest.Digest) string {
	return objects.Key("verdicts", d.Algorithm().String(), d.Encoded())
}

func reportKey(d digest.Digest) string {
	return objects.Key("reports", d.Algorithm().String(), d.Encoded())
}
