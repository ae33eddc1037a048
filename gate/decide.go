package gate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/internal/epoch"
)

const (
	rememberedDecisions = 16384
	// decisionAge is how long a decision is given again at most, whatever the
	// marks say.
	decisionAge = time.Minute
	// sayingAge is how long the same answer to the same question keeps its id.
	sayingAge = time.Hour
)

// remembered is a decision that is given again as long as nothing changes that
// it was made by.
type remembered struct {
	decision   Decision
	marks      epoch.Marks
	generation string
	until      time.Time
}

// saying is what was last answered to a question, and recorded.
type saying struct {
	sum  string
	id   string
	time time.Time
}

// Decide answers at once; what needs an analysis is queued, and answered Wait.
// An error is a fault: nothing may pass by it.
func (g *Gate) Decide(ctx context.Context, req Request) (Decision, error) {
	start := g.cfg.Clock()
	d, err := g.decide(ctx, req)
	g.metrics.observe(d, err, g.cfg.Clock().Sub(start))
	if err != nil {
		return Decision{}, fmt.Errorf("deciding about %s: %w", req.Reference, err)
	}
	if d.Action == Deny && !req.DryRun {
		// Each time, since each may be somebody else.
		g.cfg.Log.InfoContext(ctx, "denied", "image", d.Reference.String(), "policy", d.Policy, "control", d.Control,
			"decision", d.ID, "client", req.Client, "request", req.Audit)
	}
	return d, nil
}

func (g *Gate) decide(ctx context.Context, req Request) (Decision, error) {
	ref := req.Reference
	if err := ref.Digest.Validate(); err != nil {
		return Decision{}, fmt.Errorf("the reference has no digest: %w", err)
	}
	set, err := g.cfg.Policies(ctx)
	if err != nil {
		return Decision{}, fmt.Errorf("policies: %w", err)
	}
	key := question(req, set.ContextKey(req.Context))
	// The marks are read before anything that they stand for.
	marks, err := g.cfg.Epochs.Read(ctx, epoch.Labels, epoch.Permissions, epoch.Risks, epoch.Verdicts, epoch.Settings, namesTopic(ref))
	degraded := err != nil
	if degraded {
		if ctx.Err() != nil {
			return Decision{}, context.Cause(ctx)
		}
		g.cfg.Log.DebugContext(ctx, "deciding without Redis", "error", err)
	} else if r, ok := g.decisions.Get(key); ok && !req.PoliciesOnly && r.marks == marks && r.generation == set.Generation() && g.cfg.Clock().Before(r.until) {
		g.metrics.hit("decision")
		return r.decision, nil
	}
	a := &asking{gate: g, req: req, policies: set, degraded: degraded, until: g.cfg.Clock().Add(decisionAge)}
	d, err := a.answer(ctx)
	if err := a.remembered(); err != nil {
		return Decision{}, err
	}
	if err != nil {
		if d, err = a.open(ctx, d, err); err != nil {
			return Decision{}, err
		}
	}
	g.finish(ctx, req, key, &d)
	if a.ahead {
		g.cfg.Inspector.Ahead(ctx, req.Reference)
	}
	if !degraded && !req.DryRun && d.Action != Wait && !a.transient && !a.local.Load() {
		g.decisions.Add(key, remembered{d, marks, set.Generation(), a.until})
	}
	return d, nil
}

// question is what has one answer at a time.
func question(req Request, contextKey string) string {
	return req.Reference.String() + " " + req.Context.Kind + " " + string(req.Pending) + " " + contextKey
}

// finish gives the decision its id and message, and records it, unless it is
// the same as was answered last.
func (g *Gate) finish(ctx context.Context, req Request, key string, d *Decision) {
	now := g.cfg.Clock().UTC()
	sum := fingerprint(*d)
	last, ok := g.said.Get(key)
	if ok && last.sum == sum && now.Sub(last.time) < sayingAge {
		d.ID, d.Time = last.id, last.time
		d.Message = message(*d)
		return
	}
	d.ID, d.Time = ulid.MustNew(ulid.Timestamp(now), ulid.DefaultEntropy()).String(), now
	d.Message = message(*d)
	if req.DryRun {
		return
	}
	g.cfg.Log.InfoContext(ctx, "decided", "decision", d.ID, "action", d.Action, "image", d.Reference.String(), "policy", d.Policy,
		"control", d.Control, "generation", d.Generation, "client", req.Client, "request", req.Audit, "degraded", d.Degraded)
	if err := g.audit.write(ctx, Record{Decision: *d, Client: req.Client, Request: req.Audit, Context: req.Context}); err != nil {
		// The decision stands; the line above is its record.
		g.cfg.Log.ErrorContext(ctx, "recording a decision", "decision", d.ID, "error", err)
		return
	}
	g.said.Add(key, saying{sum, d.ID, now})
}

// fingerprint is equal for decisions that say the same, apart from how far an
// analysis is.
func fingerprint(d Decision) string {
	d.ID, d.Time, d.Message, d.State, d.RetryAfter, d.Degraded = "", time.Time{}, "", "", 0, false
	raw, err := json.Marshal(d)
	if err != nil {
		return "" // equal to no other: recorded each time
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Await answers as soon as the decision is something other than Wait, or with
// the last Wait when ctx ends.
func (g *Gate) Await(ctx context.Context, req Request) (Decision, error) {
	return g.await(ctx, req, true)
}

// Settle answers as soon as all facts are gathered that the decision takes, or
// with the last Wait when ctx ends. It waits for no analysis.
func (g *Gate) Settle(ctx context.Context, req Request) (Decision, error) {
	return g.await(ctx, req, false)
}

func (g *Gate) await(ctx context.Context, req Request, analysis bool) (Decision, error) {
	var last Decision
	for {
		d, err := g.Decide(ctx, req)
		if err != nil {
			if last.Action == Wait && ctx.Err() != nil {
				return last, nil
			}
			return Decision{}, err
		}
		if d.Action != Wait || d.gathering == nil && !analysis {
			return d, nil
		}
		last = d
		if d.gathering != nil {
			select {
			case <-ctx.Done():
				return d, nil
			case <-d.gathering:
				continue
			}
		}
		if err := g.cfg.Queue.Wait(ctx, waitsFor(d)...); err != nil {
			if ctx.Err() == nil {
				return Decision{}, fmt.Errorf("waiting for the analysis of %s: %w", req.Reference, err)
			}
			return d, nil
		}
	}
}

// waitsFor are the digests whose verdicts d waits for.
func waitsFor(d Decision) []digest.Digest {
	var ds []digest.Digest
	for _, j := range d.Judged {
		if j.Result.Pending != "" {
			ds = append(ds, digest.Digest(j.Digest))
		}
	}
	return ds
}

// ErrUnknownDecision is returned for an id that the audit log does not hold.
var ErrUnknownDecision = errors.New("no such decision")

// Record returns the decision with the id, and who asked for it; errors wrap
// ErrUnknownDecision.
func (g *Gate) Record(ctx context.Context, id string) (Record, error) { return g.audit.read(ctx, id) }

// Prune deletes the records of decisions from before the day of keepFrom.
func (g *Gate) Prune(ctx context.Context, keepFrom time.Time) error {
	return g.audit.prune(ctx, keepFrom)
}
