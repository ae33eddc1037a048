package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/policies"
)

// Risks keeps acknowledged risks. It is safe for concurrent use; a change is
// felt by the next decision on every replica.
type Risks struct {
	objects *objects.Store
	all     *epoch.Copy[[]Risk] // sorted by date
	now     func() time.Time
}

const risksFolder = "risks"

func newRisks(store *objects.Store, epochs *epoch.Epochs, now func() time.Time) *Risks {
	r := &Risks{objects: store, now: now}
	r.all = epoch.NewCopy(epochs, epoch.Risks, r.load)
	return r
}

func (r *Risks) load(ctx context.Context) ([]Risk, error) {
	keys, err := r.objects.List(ctx, risksFolder)
	if err != nil {
		return nil, fmt.Errorf("reading acknowledged risks: %w", err)
	}
	var all []Risk
	for _, key := range keys {
		var risk Risk
		err := r.objects.GetJSON(ctx, key, &risk)
		if errors.Is(err, objects.ErrNotFound) {
			continue // revoked meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, risk)
	}
	slices.SortFunc(all, func(a, b Risk) int {
		if order := a.Date.Compare(b.Date); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
	return all, nil
}

// Acknowledge puts risks in force on every replica, instead of what was said
// of the same before, and returns them as they are kept. All are checked
// before any is kept. Errors wrap ErrRisk.
func (r *Risks) Acknowledge(ctx context.Context, risks ...Risk) ([]Risk, error) {
	kept := make([]Risk, len(risks))
	for i, risk := range risks {
		var err error
		if kept[i], err = risk.checked(r.now()); err != nil {
			return nil, err
		}
	}
	defer r.all.Changed(ctx)
	for _, risk := range kept {
		if err := r.objects.PutJSON(ctx, objects.Key(risksFolder, risk.ID), risk); err != nil {
			return nil, err
		}
	}
	return kept, nil
}

// Revoke takes the risk with the id back. Errors wrap ErrUnknownRisk.
func (r *Risks) Revoke(ctx context.Context, id string) error {
	key := objects.Key(risksFolder, id)
	if _, err := r.objects.Get(ctx, key); errors.Is(err, objects.ErrNotFound) {
		return fmt.Errorf("%w: %.40q", ErrUnknownRisk, id)
	} else if err != nil {
		return err
	}
	if err := r.objects.Delete(ctx, key); err != nil {
		return err
	}
	r.all.Changed(ctx)
	return nil
}

// List returns all of them, oldest first; expired ones say so.
func (r *Risks) List(ctx context.Context) ([]Risk, error) {
	all, err := r.all.Get(ctx)
	if err != nil {
		return nil, err
	}
	list := slices.Clone(all)
	for i := range list {
		list[i].Expired = list[i].expired(r.now())
	}
	return list, nil
}

// about returns those in force for an image, which lineage leads to.
func (r *Risks) about(ctx context.Context, img policies.Image, lineage []digest.Digest) ([]policies.Acknowledgement, error) {
	all, err := r.all.Get(ctx)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, nil
	}
	var digests []string
	for _, d := range lineage {
		digests = append(digests, d.String())
	}
	var found []policies.Acknowledgement
	for _, risk := range all {
		if !risk.expired(r.now()) && risk.Covers(img, digests...) {
			found = append(found, risk.acknowledgement())
		}
	}
	return found, nil
}
