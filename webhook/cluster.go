package webhook

import (
	"context"

	"github.com/google/go-containerregistry/pkg/authn"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
)

// Pod is whose credentials are wanted.
type Pod struct {
	Namespace      string
	ServiceAccount string   // "" for the namespace's default
	PullSecrets    []string // that the pod itself names
}

// Credentials are those with which a cluster's pods pull. They are safe for
// concurrent use.
type Credentials interface {
	// Of returns what the pod could show for the image, in the order in which a
	// kubelet tries it: of the pod's own pull secrets, then of its service
	// account's. None is no error; an error says why some could not be read, and
	// comes with those that could.
	Of(ctx context.Context, pod Pod, ref image.Reference) ([]authn.AuthConfig, error)
}

// Registries are asked on behalf of pods. They are safe for concurrent use.
type Registries interface {
	Resolver
	// TakesCredentials tells whether the registry is asked with the credentials
	// of who wants an image, if there are any, rather than the gate's own.
	TakesCredentials(registry string) bool
	// With returns a context in which such registries are asked with auth, by
	// whoever asks with it: Resolve and the gate.
	With(ctx context.Context, auth authn.AuthConfig) context.Context
	// Refused tells whether an error of Resolve says that the credentials do not
	// open the image.
	Refused(err error) bool
	// Fetch begins to read the image whole with the credentials in ctx, for the
	// sandbox, which has none. It returns at once.
	Fetch(ctx context.Context, ref image.Reference)
}

// Authorizer asks the cluster who may do what. It is safe for concurrent use.
type Authorizer interface {
	// MayBreakGlass tells whether user has the right to break the glass in the
	// namespace: a SubjectAccessReview of the verb break-glass on images of the
	// group sallyport.dev. reason is the cluster's, and may be empty. An error is
	// no permission.
	MayBreakGlass(ctx context.Context, user authenticationv1.UserInfo, namespace string) (allowed bool, reason string, err error)
}

// Permissions records that a person lets an image pass (gate.Permissions). They
// are safe for concurrent use.
type Permissions interface {
	Set(ctx context.Context, p gate.Permission) error
}

// Event is something that a person who looks at an object is to read.
type Event struct {
	Object  corev1.ObjectReference
	Warning bool   // else it is normal
	Reason  string // one word in CamelCase, why: ImageDenied
	Action  string // one word in CamelCase, what was done: Admit
	Note    string // for people; at most 1024 bytes
}

// Events writes what people find with kubectl describe. They are safe for
// concurrent use.
type Events interface {
	// Report has the event written soon. It never waits, and never fails.
	Report(Event)
}
