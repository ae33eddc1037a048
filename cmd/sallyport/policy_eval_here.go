package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/author"
)

// inspectHere fetches an image and finds out what is true of its bytes, on this
// machine: nobody has labelled or run it.
func inspectHere(ctx context.Context, s scanSource, p image.Platform, where policies.Context) ([]author.Subject, error) {
	img, ref, err := s.load(ctx, p)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	client, end, err := connect(ctx, "", log)
	if err != nil {
		return nil, err
	}
	defer end()
	k, err := newKnowledge(ctx, config.Config{}, client, objects.New(inmemory.New()), oneImage{img}, log, nil)
	if err != nil {
		return nil, err
	}
	g, err := k.gate(nothingQueued{}, log, nil)
	if err != nil {
		return nil, err
	}
	images, err := g.Facts(ctx, ref, where, true)
	if err != nil {
		return nil, err
	}
	var all []author.Subject
	for _, f := range images {
		all = append(all, author.Subject{From: ref.String(), Facts: f.Facts})
	}
	return all, nil
}
