package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/objects"
	"github.com/sallyport-dev/sallyport/policies"
)

// Permission is a person's word on one image; it comes before all policies.
type Permission struct {
	Target  label.Target `json:"target"` // an image: by tag or digest
	Action  Action       `json:"action"` // Allow or Deny
	Comment string       `json:"comment"`
	Author  string       `json:"author"`
	Created time.Time    `json:"created"`
	Expires time.Time    `json:"expires,omitzero"` // zero: never

	// Namespace is where the image may be deployed, "" for everywhere. Pulls do
	// not say for which namespace they are: what may be deployed somewhere may
	// be pulled. Only an Allow has one.
	Namespace string `json:"namespace,omitempty"`
}

// ErrPermission is of permissions that cannot be given.
var ErrPermission = errors.New("not a permission")

// String says who said what, for messages.
func (p Permission) String() string {
	word := "allowed"
	if p.Action == Deny {
		word = "blocked"
	}
	text := fmt.Sprintf("%s %s by %s", p.Target, word, p.Author)
	if p.Namespace != "" {
		text += " in namespace " + p.Namespace
	}
	if !p.Expires.IsZero() {
		text += " until " + p.Expires.UTC().Format(time.RFC3339)
	}
	return text + ": " + p.Comment
}

// Permissions keeps them. It is safe for concurrent use; a change is felt by
// the next decision on every replica.
type Permissions struct {
	objects *objects.Store
	all     *epoch.Copy[map[label.Target][]Permission]
	now     func() time.Time
}

const (
	permissionsFolder = "permissions"
	namespacedFolder  = "permissions-in" // …/<registry>/<repository>/<which>/<namespace>
)

func newPermissions(store *objects.Store, epochs *epoch.Epochs, now func() time.Time) *Permissions {
	p := &Permissions{objects: store, now: now}
	p.all = epoch.NewCopy(epochs, epoch.Permissions, p.load)
	return p
}

func (p *Permissions) load(ctx context.Context) (map[label.Target][]Permission, error) {
	keys, err := p.objects.List(ctx, permissionsFolder)
	if err != nil {
		return nil, fmt.Errorf("reading permissions: %w", err)
	}
	more, err := p.objects.List(ctx, namespacedFolder)
	if err != nil {
		return nil, fmt.Errorf("reading permissions: %w", err)
	}
	keys = append(keys, more...)
	all := make(map[label.Target][]Permission, len(keys))
	for _, key := range keys {
		var perm Permission
		err := p.objects.GetJSON(ctx, key, &perm)
		if errors.Is(err, objects.ErrNotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		all[perm.Target] = append(all[perm.Target], perm)
	}
	return all, nil
}

// Set puts perm in force on every replica, instead of what was said of its
// target, in its namespace, before. Errors wrap ErrPermission or label.ErrTarget.
func (p *Permissions) Set(ctx context.Context, perm Permission) error {
	if perm.Created.IsZero() {
		perm.Created = p.now().UTC()
	}
	switch {
	case perm.Target.Which == "":
		return fmt.Errorf("%w: %s is no image: name a tag or a digest", ErrPermission, perm.Target)
	case perm.Action != Allow && perm.Action != Deny:
		return fmt.Errorf("%w: the action is %q: write %q or %q", ErrPermission, perm.Action, Allow, Deny)
	case strings.TrimSpace(perm.Comment) == "":
		return fmt.Errorf("%w: say in the comment why", ErrPermission)
	case perm.Author == "":
		return fmt.Errorf("%w: it needs an author", ErrPermission)
	case perm.Namespace != "" && (perm.Action != Allow || !namespaceForm.MatchString(perm.Namespace)):
		return fmt.Errorf("%w: the namespace %.70q: only what is allowed has one, in the form of Kubernetes", ErrPermission, perm.Namespace)
	case !perm.Expires.IsZero() && !perm.Expires.After(p.now()):
		return fmt.Errorf("%w: it expired on %s", ErrPermission, perm.Expires.UTC().Format(time.RFC3339))
	}
	if err := perm.Target.Check(); err != nil {
		return err
	}
	perm.Comment, perm.Author = line(perm.Comment), line(perm.Author)
	if err := p.objects.PutJSON(ctx, permissionKey(perm.Target, perm.Namespace), perm); err != nil {
		return err
	}
	defer p.all.Changed(ctx)
	return p.prune(ctx)
}

// expiredFor is how long a permission is still listed that is no longer in
// force, for those who look into what was allowed.
const expiredFor = 90 * 24 * time.Hour

// prune deletes what is listed no longer, so that what is given for hours each
// day (break-glass) does not grow for ever.
func (p *Permissions) prune(ctx context.Context) error {
	all, err := p.load(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for target, perms := range all {
		for _, perm := range perms {
			if !perm.Expires.IsZero() && p.now().Sub(perm.Expires) > expiredFor {
				errs = append(errs, p.objects.Delete(ctx, permissionKey(target, perm.Namespace)))
			}
		}
	}
	return errors.Join(errs...)
}

// Remove takes back what was said of t, in every namespace; nothing said is no
// error.
func (p *Permissions) Remove(ctx context.Context, t label.Target) error {
	if err := t.Check(); err != nil {
		return err
	}
	defer p.all.Changed(ctx)
	all, err := p.load(ctx)
	if err != nil {
		return err
	}
	errs := []error{p.objects.Delete(ctx, permissionKey(t, ""))}
	for _, perm := range all[t] {
		if perm.Namespace != "" {
			errs = append(errs, p.objects.Delete(ctx, permissionKey(t, perm.Namespace)))
		}
	}
	return errors.Join(errs...)
}

// List returns all permissions, those too that expired less than 90 days ago, sorted by target.
func (p *Permissions) List(ctx context.Context) ([]Permission, error) {
	all, err := p.all.Get(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Permission, 0, len(all))
	for _, perms := range all {
		list = append(list, perms...)
	}
	slices.SortFunc(list, func(a, b Permission) int {
		return cmp.Or(strings.Compare(a.Target.String(), b.Target.String()), strings.Compare(a.Namespace, b.Namespace))
	})
	return list, nil
}

// find returns the permission in force for the image known as which in ref's
// repository, nil for none; a block outweighs every allowance. until is when
// the answer changes by itself, zero for never. local tells that it holds for
// the namespace of about alone.
func (p *Permissions) find(ctx context.Context, ref image.Reference, which []string, about policies.Context) (found *Permission, until time.Time, local bool, err error) {
	all, err := p.all.Get(ctx)
	if err != nil || len(all) == 0 {
		return nil, time.Time{}, false, err
	}
	for _, w := range which {
		for _, perm := range all[label.Target{Registry: ref.Registry, Repository: ref.Repository, Which: w}] {
			if !perm.Expires.IsZero() && !p.now().Before(perm.Expires) {
				continue
			}
			local = local || perm.Namespace != "" && about.Kind != "pull"
			if perm.Namespace != "" && about.Kind != "pull" && about.Namespace != perm.Namespace {
				continue
			}
			if !perm.Expires.IsZero() && (until.IsZero() || perm.Expires.Before(until)) {
				until = perm.Expires
			}
			if found == nil || perm.Action == Deny && found.Action != Deny {
				found = &perm
			}
		}
	}
	return found, until, local, nil
}

// namespaceForm is an RFC 1123 label.
var namespaceForm = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

func permissionKey(t label.Target, namespace string) string {
	parts := []string{permissionsFolder, t.Registry, t.Repository, t.Which}
	if namespace != "" {
		// Beside the one for everywhere, which is an object and no folder.
		parts[0] = namespacedFolder
		parts = append(parts, namespace)
	}
	return objects.Key(parts...)
}
