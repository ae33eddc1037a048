package rejudge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sallyport-dev/sallyport/cluster"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
)

const (
	parallel = 4                // images judged at a time: reviews come first
	patience = 30 * time.Second // for one of them
	// EventReason is of events about what runs and would be denied.
	EventReason = "RunningImageDenied"
)

// round is one pass over everything that runs.
type round struct {
	*Controller
	counts   map[string]int // images of workloads, by result
	violated map[string]int // the denied ones, by namespace

	exempt     map[string]bool    // namespaces by Config.ExemptSelector
	reports    *shelf             // nil where none are written
	marks      map[types.UID]mark // on workloads, as they are
	marked     map[string]bool    // UIDs of workloads that are to keep theirs
	unfinished bool               // pods are left to be evicted
	errs       []error            // of telling; judging goes on
}

// violation is an image that runs and would be denied.
type violation struct {
	unit     *unit
	owner    owner // the topmost
	decision gate.Decision
}

// violationKey is equal for what is the same violation in the next round.
type violationKey struct {
	owner  types.UID
	image  string
	digest digest.Digest
	policy string
}

func (v violation) key() violationKey {
	return violationKey{v.owner.UID, v.unit.written, v.decision.Reference.Digest, v.decision.Policy}
}

// begin reads what earlier rounds left in the cluster. What cannot be read
// cannot be told: judging goes on without.
func (r *round) begin(ctx context.Context) {
	var err error
	if r.cfg.ExemptSelector != "" {
		if r.exempt, err = r.readExempt(ctx); err != nil {
			r.errs = append(r.errs, err)
		}
	}
	if r.cfg.Reports {
		r.reports, err = r.openReports(ctx)
		r.errs = append(r.errs, err)
	}
	if r.cfg.Annotate {
		if r.marks, err = r.readMarks(ctx); err != nil {
			r.errs = append(r.errs, err)
		}
	}
}

// readExempt finds the namespaces that bear the labels of those that are exempt.
func (r *round) readExempt(ctx context.Context) (map[string]bool, error) {
	found := map[string]bool{}
	options := metav1.ListOptions{Limit: 500, LabelSelector: r.cfg.ExemptSelector}
	for {
		page, err := r.cfg.Cluster.API().Resource(namespacesResource).List(ctx, options)
		if err != nil {
			return nil, cluster.Explain(err, "finding the namespaces that are exempt", "list", "namespaces")
		}
		for i := range page.Items {
			found[page.Items[i].GetName()] = true
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return found, nil
		}
	}
}

// leftOut tells whether a namespace is none of the round's business.
func (r *round) leftOut(namespace string) bool {
	return namespace == r.cfg.Cluster.Namespace() || r.cfg.Exempt(namespace) || r.exempt[namespace]
}

// namespace judges what runs in one, and tells.
func (r *round) namespace(ctx context.Context, n *namespace) error {
	violations, err := r.judge(ctx, n)
	if err != nil {
		return err
	}
	if len(violations) == 0 {
		return nil
	}
	r.violated[n.name] = len(violations)
	r.tell(n, violations)
	if r.reports != nil {
		r.errs = append(r.errs, r.reports.write(ctx, n.name, violations))
	}
	if r.marks != nil {
		r.errs = append(r.errs, r.mark(ctx, n.name, violations))
	}
	if r.cfg.Evict {
		r.errs = append(r.errs, r.evict(ctx, n.name, violations))
	}
	return ctx.Err()
}

// end removes what earlier rounds told and is true no more.
func (r *round) end(ctx context.Context) error {
	if r.reports != nil {
		r.errs = append(r.errs, r.reports.clean(ctx))
	}
	if r.marks != nil {
		r.errs = append(r.errs, r.unmark(ctx))
	}
	return errors.Join(r.errs...)
}

// judge returns the violations in n, the worst first.
func (r *round) judge(ctx context.Context, n *namespace) ([]violation, error) {
	var mu sync.Mutex
	var found []violation
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for _, u := range n.units {
		group.Go(func() error {
			d, err := r.ask(groupCtx, n.name, u)
			if groupCtx.Err() != nil {
				return context.Cause(groupCtx)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				r.counts["fault"]++
				r.log.DebugContext(ctx, "an image that runs cannot be judged", "image", u.written, "namespace", n.name, "error", err)
				return nil
			}
			r.counts[string(d.Action)]++
			if d.Action == gate.Deny {
				found = append(found, violation{unit: u, decision: d})
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	// One after the other: each may be a question to the API server.
	for i := range found {
		found[i].owner = r.top(ctx, n.name, found[i].unit.owner)
	}
	return sorted(found), ctx.Err()
}

// sorted puts the worst first, and leaves out what an older ReplicaSet of the
// same Deployment repeats; its pods are added to the first.
func sorted(found []violation) []violation {
	slices.SortFunc(found, func(a, b violation) int {
		return cmp.Or(
			cmp.Compare(rank(b.decision), rank(a.decision)),
			strings.Compare(a.owner.Kind, b.owner.Kind), strings.Compare(a.owner.Name, b.owner.Name),
			strings.Compare(a.unit.written, b.unit.written),
			strings.Compare(a.decision.Reference.Digest.String(), b.decision.Reference.Digest.String()),
			strings.Compare(string(a.unit.owner.UID), string(b.unit.owner.UID)),
		)
	})
	at := map[violationKey]int{}
	var all []violation
	for _, v := range found {
		if i, ok := at[v.key()]; ok {
			first := all[i].unit
			room := min(len(v.unit.pods), evictable-len(first.pods))
			first.pods = append(first.pods, v.unit.pods[:room]...)
			first.uids = append(first.uids, v.unit.uids[:room]...)
			continue
		}
		at[v.key()] = len(all)
		all = append(all, v)
	}
	return all
}

var ranks = []report.Severity{report.Info, report.Low, report.Medium, report.High, report.Critical}

func rank(d gate.Decision) int {
	if d.Finding == nil {
		return -1
	}
	return slices.Index(ranks, d.Finding.Severity)
}

// ask has the gate decide as it would at admission.
func (r *round) ask(ctx context.Context, in string, u *unit) (gate.Decision, error) {
	if u.err != nil {
		return gate.Decision{}, u.err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ref := u.ref
	if ref.Digest == "" {
		found, err := r.cfg.Resolver.Resolve(ctx, ref)
		if err != nil {
			return gate.Decision{}, fmt.Errorf("finding the digest of %s: %w", ref, err)
		}
		ref = found
	}
	return r.cfg.Gate.Decide(ctx, gate.Request{
		Reference: ref,
		Context:   policies.Context{Kind: "admission", Cluster: r.cfg.Name, Namespace: in, Labels: u.labels},
		Client:    "sallyport",
		Audit:     fmt.Sprintf("what runs: %s %s/%s", u.owner.Kind, in, u.owner.Name),
	})
}

// tell writes an event about each violation that is new.
func (r *round) tell(n *namespace, violations []violation) {
	if r.cfg.Events == nil {
		return
	}
	now := time.Now()
	for _, v := range violations {
		if t, ok := r.told.Get(v.key()); ok && now.Sub(t) < toldAgain {
			continue
		}
		r.told.Add(v.key(), now)
		r.cfg.Events.Report(cluster.Event{
			Object: v.owner.reference(n.name), Warning: true, Reason: EventReason, Action: "Rejudge",
			Note: "runs, and would be denied now: " + v.decision.Message,
		})
	}
}
