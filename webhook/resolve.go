package webhook

import (
	"context"
	"fmt"

	"github.com/sallyport-dev/sallyport/image"
)

// maxCredentials bounds what is tried for one image.
const maxCredentials = 8

// resolve finds ref's digest as the pod would: with its own credentials, one
// after the other, then with the gate's. What is asked of registries with the
// returned context is asked likewise; own tells that these are the pod's.
func (w *Webhook) resolve(ctx context.Context, pod Pod, ref image.Reference) (_ context.Context, _ image.Reference, own bool, err error) {
	var unread error
	if r := w.cfg.Registries; r != nil && w.cfg.Credentials != nil && r.TakesCredentials(ref.Registry) {
		auths, err := w.cfg.Credentials.Of(ctx, pod, ref)
		if err != nil {
			// They may not be needed: what the gate itself can see decides then.
			unread = err
			w.cfg.Logger.WarnContext(ctx, "pull secrets of a pod cannot be read", "namespace", pod.Namespace, "err", err)
		}
		for _, auth := range auths[:min(len(auths), maxCredentials)] {
			theirs := r.With(ctx, auth)
			found, err := r.Resolve(theirs, ref)
			switch {
			case err == nil:
				return theirs, found, true, nil
			case !r.Refused(err):
				return ctx, ref, false, err
			}
		}
	}
	if ref.Digest != "" {
		return ctx, ref, false, nil
	}
	found, err := w.resolver.Resolve(ctx, ref)
	if err != nil && unread != nil {
		err = fmt.Errorf("%w (the pod's own pull secrets were not tried: %w)", err, unread)
	}
	return ctx, found, false, err
}
