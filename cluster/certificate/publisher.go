package certificate

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sallyport-dev/sallyport/cluster"
)

// Publisher keeps the caBundle of webhook configurations. It is safe for
// concurrent use.
type Publisher struct {
	cluster *cluster.Cluster
	targets []target
	log     *slog.Logger

	mu     sync.Mutex
	bundle []byte          // as published last; nil at first
	absent map[string]bool // configurations that were said not to exist
}

// target is one webhook configuration.
type target struct {
	kind schema.GroupVersionResource
	name string
}

func (t target) String() string { return t.kind.Resource + "/" + t.name }

// NewPublisher returns what publishes to the configurations named:
// validatingwebhookconfigurations/NAME or mutatingwebhookconfigurations/NAME.
func NewPublisher(c *cluster.Cluster, configurations []string) (*Publisher, error) {
	p := &Publisher{cluster: c, log: c.Logger(), absent: map[string]bool{}}
	for _, s := range configurations {
		kind, name, ok := strings.Cut(s, "/")
		if !ok || name == "" || !slices.Contains([]string{"validatingwebhookconfigurations", "mutatingwebhookconfigurations"}, kind) {
			return nil, fmt.Errorf("%q is neither validatingwebhookconfigurations/NAME nor mutatingwebhookconfigurations/NAME", s)
		}
		p.targets = append(p.targets, target{schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: kind}, name})
	}
	return p, nil
}

// Publish writes bundle (PEM) into every webhook of the configurations, and
// returns when all hold it. A configuration that does not exist asks nobody, so
// it is no error.
func (p *Publisher) Publish(ctx context.Context, bundle []byte) error {
	p.mu.Lock()
	p.bundle = bytes.Clone(bundle)
	p.mu.Unlock()
	var errs []error
	for _, t := range p.targets {
		errs = append(errs, p.write(ctx, t, bundle, exactly))
	}
	return errors.Join(errs...)
}

// need says which bundles of a configuration are left as they are.
type need func(have, bundle []byte) bool

func exactly(have, bundle []byte) bool { return bytes.Equal(have, bundle) }

// atLeast lets more authorities be trusted: another replica that has just made a
// new one knows more than this one does.
func atLeast(have, bundle []byte) bool {
	trusted := map[string]bool{}
	for _, der := range certificates(have) {
		trusted[string(der)] = true
	}
	return !slices.ContainsFunc(certificates(bundle), func(der []byte) bool { return !trusted[string(der)] })
}

// certificates are those of a bundle, DER.
func certificates(bundle []byte) (all [][]byte) {
	for {
		var block *pem.Block
		if block, bundle = pem.Decode(bundle); block == nil {
			return all
		}
		all = append(all, block.Bytes)
	}
}

// write puts bundle into one configuration.
func (p *Publisher) write(ctx context.Context, t target, bundle []byte, enough need) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	doing := "publishing the webhook's CA in " + t.String()
	for range contended {
		o, err := p.cluster.API().Resource(t.kind).Get(ctx, t.name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			p.say(t, true)
			return nil
		}
		if err != nil {
			return cluster.Explain(err, doing, "get", t.String())
		}
		p.say(t, false)
		patch, err := patchFor(o, bundle, enough)
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		if patch == nil {
			return nil
		}
		_, err = p.cluster.API().Resource(t.kind).Patch(ctx, t.name, types.JSONPatchType, patch, metav1.PatchOptions{})
		switch {
		case err == nil:
			p.log.InfoContext(ctx, "published the webhook's CA", "configuration", t.String())
			return nil
		case apierrors.IsConflict(err), apierrors.IsInvalid(err), apierrors.IsNotFound(err):
			// Changed meanwhile: a test of the patch did not hold.
		default:
			return cluster.Explain(err, doing, "patch", t.String())
		}
	}
	return fmt.Errorf("%s: others were faster %d times", doing, contended)
}

// say logs once that a configuration is not there, and once that it is.
func (p *Publisher) say(t target, absent bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.absent[t.String()] == absent {
		return
	}
	p.absent[t.String()] = absent
	if absent {
		p.log.Warn("the webhook configuration does not exist: nobody asks the webhook by it, and it gets the CA when it is made", "configuration", t.String())
	}
}

// operation is one step of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// patchFor is the JSON patch that puts bundle into all webhooks of o; nil when
// what they have is enough. It applies to the version that was read, and to no
// other.
func patchFor(o *unstructured.Unstructured, bundle []byte, enough need) ([]byte, error) {
	hooks, _, err := unstructured.NestedSlice(o.Object, "webhooks")
	if err != nil {
		return nil, err
	}
	text := base64.StdEncoding.EncodeToString(bundle)
	var steps []operation
	for i, h := range hooks {
		hook, ok := h.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("webhooks[%d] is no object", i)
		}
		written, _, err := unstructured.NestedString(hook, "clientConfig", "caBundle")
		if err != nil {
			return nil, err
		}
		// The API server took it only because it is base64.
		if have, err := base64.StdEncoding.DecodeString(written); err == nil && enough(have, bundle) {
			continue
		}
		steps = append(steps, operation{"add", fmt.Sprintf("/webhooks/%d/clientConfig/caBundle", i), text})
	}
	if steps == nil {
		return nil, nil
	}
	return json.Marshal(append([]operation{{"test", "/metadata/resourceVersion", o.GetResourceVersion()}}, steps...))
}

const (
	watchLife = 5 * time.Minute // of one watch, after which it is begun anew
	retry     = 5 * time.Second // after a watch failed
)

// Run watches the configurations and writes the bundle again when somebody made
// them anew or took it out, until ctx ends: an upgrade of a chart would be
// without it until the next renewal.
func (p *Publisher) Run(ctx context.Context) error {
	var watching sync.WaitGroup
	for _, t := range p.targets {
		watching.Go(func() {
			for ctx.Err() == nil {
				if err := p.watch(ctx, t); err != nil && ctx.Err() == nil {
					p.log.WarnContext(ctx, "a webhook configuration is not watched: its caBundle is looked after when the certificates are", "configuration", t.String(),
						"error", cluster.Explain(err, "watching", "watch", t.String()))
					select {
					case <-ctx.Done():
					case <-time.After(retry):
					}
				}
			}
		})
	}
	watching.Wait()
	return nil
}

func (p *Publisher) watch(ctx context.Context, t target) error {
	seconds := int64(watchLife / time.Second)
	w, err := p.cluster.API().Resource(t.kind).Watch(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("metadata.name", t.name).String(), TimeoutSeconds: &seconds,
	})
	if err != nil {
		return err
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, ok := <-w.ResultChan():
			if !ok {
				return nil
			}
			o, ok := event.Object.(*unstructured.Unstructured)
			if !ok {
				return apierrors.FromObject(event.Object)
			}
			p.mu.Lock()
			bundle := p.bundle
			p.mu.Unlock()
			if bundle == nil || o.GetName() != t.name {
				continue
			}
			if err := p.write(ctx, t, bundle, atLeast); err != nil {
				return err
			}
		}
	}
}
