package inspect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sallyport-dev/sallyport/objects"
)

const (
	// gatherPatience bounds one look of one source; layers of gigabytes may come slowly.
	gatherPatience = 20 * time.Minute
	// gatherRetry is how long a look that failed is not tried again.
	gatherRetry = 30 * time.Second
	// gatherAtOnce bounds the looks of one source under way: each may keep layers.Limits.Kept in memory.
	gatherAtOnce = 3
	// lasting is how long a finding must hold to be kept as an object.
	lasting = 30 * time.Minute
)

// Find returns what is known of parts of the image s. What is not known yet is
// gathered in the background, and done is closed when it has come (or failed
// to); done is nil when there is nothing to wait for. Asking again then returns everything.
//
// It waits for storage only. An error is a fault of this process; that a part
// cannot be found out is in the findings.
func (i *Inspector) Find(ctx context.Context, s Subject, parts ...Part) (Knowledge, <-chan struct{}, error) {
	k := Knowledge{Gathered: true}
	parts = slices.Clone(parts)
	if n := slices.Index(parts, Account); n >= 0 {
		if u := configured(s.Facts.Config.User); u != nil {
			k.Findings = append(k.Findings, ofConfiguration(s, u))
			parts = slices.Delete(parts, n, n+1)
		}
	}
	var waiting []<-chan struct{}
	for _, source := range i.sources {
		if !slices.ContainsFunc(source.Gives(), func(p Part) bool { return slices.Contains(parts, p) }) {
			continue
		}
		f, err := i.stored(ctx, source, s)
		if err != nil {
			return k, nil, err
		}
		now := time.Now()
		if f != nil {
			k.Findings = append(k.Findings, f)
		}
		switch {
		case f != nil && (f.Until.IsZero() || now.Before(f.Until)):
		case f != nil && (!f.failed || f.Claimed):
			// It may have changed; until that is known it stands. And nobody
			// waits twice for what others might claim.
			if _, err := i.begin(ctx, source, s); err != nil {
				return k, nil, err
			}
		default:
			if f != nil {
				k.Findings = k.Findings[:len(k.Findings)-1]
			}
			done, err := i.begin(ctx, source, s)
			if err != nil {
				return k, nil, err
			}
			waiting = append(waiting, done)
		}
	}
	if len(waiting) == 0 {
		return k, nil, nil
	}
	k.Gathered = false
	return k, all(waiting), nil
}

// Known returns what is known of parts of the image s, and has nothing gathered.
func (i *Inspector) Known(ctx context.Context, s Subject, parts ...Part) (Knowledge, error) {
	k := Knowledge{Gathered: true}
	if u := configured(s.Facts.Config.User); u != nil && slices.Contains(parts, Account) {
		k.Findings = append(k.Findings, ofConfiguration(s, u))
	}
	for _, source := range i.sources {
		if !slices.ContainsFunc(source.Gives(), func(p Part) bool { return slices.Contains(parts, p) }) {
			continue
		}
		f, err := i.stored(ctx, source, s)
		if err != nil {
			return k, err
		}
		if f != nil {
			k.Findings = append(k.Findings, f)
		}
	}
	return k, nil
}

// all is closed when the last of some channels is; their owners close them in any case.
func all(some []<-chan struct{}) <-chan struct{} {
	if len(some) == 1 {
		return some[0]
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, c := range some {
			<-c
		}
	}()
	return done
}

// ofConfiguration is the user where the configuration alone decides it.
func ofConfiguration(s Subject, u *User) *Finding {
	f := &Finding{Source: "configuration", Version: "1", Digest: s.Facts.Digest, Time: s.Facts.Config.Created, Parts: map[Part]string{Account: ""}, User: u}
	return f.seal()
}

// findingKey is where a finding is kept. What is claimed depends on the repository.
func findingKey(source Source, s Subject) string {
	parts := []string{"findings", source.Name(), source.Version(), s.Facts.Digest.Algorithm().String(), s.Facts.Digest.Encoded()}
	if claims(source) {
		parts = append(parts, s.Reference.Registry, s.Reference.Repository)
	}
	return objects.Key(parts...)
}

// memoryKey tells apart what storage does not: who may not read one repository
// must not fail those who may read another, and what is attached differs.
func memoryKey(source Source, s Subject) string {
	return source.Name() + " " + source.Version() + " " + s.Reference.Name() + "@" + s.Facts.Digest.String()
}

// stored returns a finding from memory or objects; nil when there is none.
func (i *Inspector) stored(ctx context.Context, source Source, s Subject) (*Finding, error) {
	if f, ok := i.findings.Get(memoryKey(source, s)); ok {
		return f, nil
	}
	var f Finding
	switch err := i.objects.GetJSON(ctx, findingKey(source, s), &f); {
	case err == nil && f.Source == source.Name() && f.Version == source.Version() && f.Digest == s.Facts.Digest:
		i.findings.Add(memoryKey(source, s), f.seal())
		return &f, nil
	case err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil && !errors.Is(err, objects.ErrNotFound):
		i.log.WarnContext(ctx, "reading what was found out", "image", s.Reference.String(), "source", source.Name(), "error", err)
	}
	return nil, nil
}

// ErrClosed is returned when the process ends.
var ErrClosed = errors.New("the inspector is closed")

// begin has source look at s in the background with the values of ctx, unless
// it does already.
func (i *Inspector) begin(ctx context.Context, source Source, s Subject) (<-chan struct{}, error) {
	key := memoryKey(source, s)
	i.mu.Lock()
	defer i.mu.Unlock()
	if done, ok := i.looking[key]; ok {
		return done, nil
	}
	if i.ctx.Err() != nil {
		return nil, ErrClosed
	}
	done := make(chan struct{})
	i.looking[key] = done
	i.wait.Go(func() {
		f := i.gather(ctx, source, s)
		i.findings.Add(key, f)
		i.mu.Lock()
		delete(i.looking, key)
		i.mu.Unlock()
		close(done)
	})
	return done, nil
}

// gather has source look, and keeps what lasts. It goes on when asked ends,
// whose values (credentials) it needs.
func (i *Inspector) gather(asked context.Context, source Source, s Subject) *Finding {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(asked), gatherPatience, fmt.Errorf("not read within %s", gatherPatience))
	defer cancel()
	defer context.AfterFunc(i.ctx, cancel)()
	f, err := i.look1(ctx, source, s)
	good := err == nil || forGood(err)
	if err != nil {
		f = unknown(source, s.Facts.Digest, err)
		if !good {
			f.failed, f.Until = true, time.Now().Add(gatherRetry)
			i.log.WarnContext(ctx, "an image cannot be looked into now", "image", s.Reference.String(), "source", source.Name(), "error", err)
		}
	}
	f.Source, f.Version, f.Digest, f.Time = source.Name(), source.Version(), s.Facts.Digest, time.Now().UTC()
	f.Claimed = claims(source)
	if good && (f.Until.IsZero() || f.Until.Sub(f.Time) >= lasting) {
		if err := i.objects.PutJSON(ctx, findingKey(source, s), f); err != nil {
			i.log.WarnContext(ctx, "storing what was found out", "image", s.Reference.String(), "source", source.Name(), "error", err)
		}
	}
	return f.seal()
}

// look1 is one look, when its turn has come. A source that panics on hostile
// bytes has found nothing out.
func (i *Inspector) look1(ctx context.Context, source Source, s Subject) (f Finding, err error) {
	slots := i.slots[source.Name()]
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return f, context.Cause(ctx)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the source %s failed: %v", source.Name(), r)
		}
	}()
	return source.Look(ctx, i.content, s)
}

// seal works out what identifies the finding.
func (f *Finding) seal() *Finding {
	plain := *f
	plain.Time, plain.Until = time.Time{}, time.Time{}
	if raw, err := json.Marshal(plain); err == nil {
		sum := sha256.Sum256(raw)
		f.sum = hex.EncodeToString(sum[:16])
	}
	return f
}

// Key identifies what is known: equal for equal findings, on every replica.
func (k Knowledge) Key() string {
	h := sha256.New()
	for _, f := range k.Findings {
		h.Write([]byte(f.sum))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Close ends the looks under way and waits for them.
func (i *Inspector) Close() {
	i.mu.Lock()
	i.cancel()
	i.mu.Unlock()
	i.wait.Wait()
}
