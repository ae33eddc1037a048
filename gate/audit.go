package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/policies"
)

// Record is what the audit log keeps of a decision.
type Record struct {
	Decision Decision         `json:"decision"`
	Client   string           `json:"client,omitempty"`  // who asked first
	Request  string           `json:"request,omitempty"` // what the front calls it
	Context  policies.Context `json:"context"`
}

// audit keeps one object per decision, by day: the day is in the id's time, so
// that an id alone finds its record.
type audit struct{ objects *objects.Store }

const auditFolder = "audit"

func auditDay(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func (a *audit) write(ctx context.Context, r Record) error {
	return a.objects.PutUnsynced(ctx, objects.Key(auditFolder, auditDay(r.Decision.Time), r.Decision.ID), r)
}

func (a *audit) read(ctx context.Context, id string) (Record, error) {
	var r Record
	parsed, err := ulid.ParseStrict(strings.ToUpper(strings.TrimSpace(id)))
	if err != nil {
		return r, fmt.Errorf("%w: %.40q is no id of one", ErrUnknownDecision, id)
	}
	err = a.objects.GetJSON(ctx, objects.Key(auditFolder, auditDay(parsed.Timestamp()), parsed.String()), &r)
	if errors.Is(err, objects.ErrNotFound) {
		return r, fmt.Errorf("%w: %s: it never was, or its record was pruned", ErrUnknownDecision, parsed)
	}
	return r, err
}

func (a *audit) prune(ctx context.Context, keepFrom time.Time) error {
	keys, err := a.objects.List(ctx, auditFolder)
	if err != nil {
		return err
	}
	first := objects.Key(auditFolder, auditDay(keepFrom))
	var errs []error
	for _, key := range keys {
		if key < first { // days sort as text
			errs = append(errs, a.objects.Delete(ctx, key))
		}
	}
	return errors.Join(errs...)
}
