package evict

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/cache"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/proxy/store"
)

// pinsKey is the folder of pins among the objects.
const pinsKey = "cache/pins"

// Pin keeps what ref's tag or digest means in the cache, from now on or from
// when it is pulled.
func (e *Evictor) Pin(ctx context.Context, ref image.Reference, author string) (cache.Pin, error) {
	pin := cache.Pin{Image: pinned(ref), Author: author, Created: e.cfg.Now().UTC()}
	return pin, e.cfg.Objects.PutJSON(ctx, pinKey(pin.Image), pin)
}

// Unpin takes a pin away, or returns cache.ErrNotPinned.
func (e *Evictor) Unpin(ctx context.Context, ref image.Reference) error {
	key := pinKey(pinned(ref))
	if _, err := e.cfg.Objects.Get(ctx, key); err != nil {
		if errors.Is(err, objects.ErrNotFound) {
			return fmt.Errorf("%w: %s; `sallyport cache pin` without arguments lists the pins", cache.ErrNotPinned, pinned(ref))
		}
		return err
	}
	return e.cfg.Objects.Delete(ctx, key)
}

// Pins lists the pins.
func (e *Evictor) Pins(ctx context.Context) ([]cache.Pin, error) {
	p, err := e.look(ctx)
	if err != nil {
		return nil, err
	}
	return e.pins(ctx, p)
}

// pinned is how a pin calls an image: by tag if it has one, since that is what
// people mean to keep when they write it.
func pinned(ref image.Reference) string {
	if ref.Tag != "" && ref.Digest == "" {
		return ref.Name() + ":" + ref.Tag
	}
	return ref.Name() + "@" + ref.Digest.String()
}

func pinKey(image string) string { return pinsKey + "/" + objects.Key(image) }

// pins reads the pins, and pins in p what they mean.
func (e *Evictor) pins(ctx context.Context, p *plan) ([]cache.Pin, error) {
	keys, err := e.cfg.Objects.List(ctx, pinsKey)
	if err != nil {
		return nil, fmt.Errorf("reading the pins of the cache: %w", err)
	}
	pins := make([]cache.Pin, 0, len(keys))
	for _, key := range keys {
		var pin cache.Pin
		switch err := e.cfg.Objects.GetJSON(ctx, key, &pin); {
		case errors.Is(err, objects.ErrNotFound):
			continue // taken away in the meantime
		case err != nil:
			// A pin that cannot be read may keep anything.
			return nil, fmt.Errorf("reading the pins of the cache: %w", err)
		}
		if pin.Cached, err = e.pin(ctx, p, pin.Image); err != nil {
			return nil, err
		}
		pins = append(pins, pin)
	}
	slices.SortFunc(pins, func(a, b cache.Pin) int { return strings.Compare(a.Image, b.Image) })
	return pins, nil
}

func (e *Evictor) pin(ctx context.Context, p *plan, name string) (cached bool, err error) {
	ref, err := image.Parse(name)
	if err != nil {
		return false, fmt.Errorf("the pin of %q: %w", name, err)
	}
	d := ref.Digest
	if d == "" {
		d, err = e.cfg.Store.Repository(ref.Name()).Tag(ctx, ref.Tag)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	i, ok := p.at[held{ref.Name(), d}]
	if ok {
		p.pin(i)
	}
	return ok, nil
}
