package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"

	"github.com/gobwas/glob"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/sallyport-dev/sallyport/cluster"
	"github.com/sallyport-dev/sallyport/cluster/lease"
	"github.com/sallyport-dev/sallyport/cluster/rejudge"
	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/internal/epoch"
	"github.com/sallyport-dev/sallyport/webhook"
)

// rejudge has what runs in the cluster judged again, by the replica that is elected.
func (p *parts) rejudge(cfg config.Config, f fronts) error {
	r := cfg.Cluster.Rejudge
	k, err := p.cluster.connect()
	if err != nil {
		return fmt.Errorf("cluster.rejudge: %w", err)
	}
	exempt, err := compileGlobs("cluster.rejudge.exempt", append(slices.Clone(r.Exempt), cfg.Webhook.Exempt.Namespaces...))
	if err != nil {
		return err
	}
	if _, err := labels.Parse(r.Exempted); err != nil {
		return fmt.Errorf("cluster.rejudge.exempt_selector: %w", err)
	}
	enforced, err := enforcedIn(r.Selector, cfg.Webhook.Namespaces)
	if err != nil {
		return err
	}
	c := rejudge.Config{
		Cluster: k, Gate: p.gate, Resolver: resolver{p.content}, Changes: p.knowledge.changes, Behind: f.behind,
		Name: cfg.Cluster.Name, Exempt: exempt, ExemptSelector: r.Exempted, Every: r.Every, Pause: r.Pause, Reports: r.Reports, Results: r.Results, Annotate: r.Annotate,
		Evict: r.Enforce == config.EnforceEvict, PerMinute: r.PerMinute, Enforced: enforced,
		Logger: f.log, Metrics: f.reg,
	}
	if cfg.Cluster.Events {
		events, err := p.cluster.eventsOf(k, f.reg)
		if err != nil {
			return err
		}
		c.Events = events
	}
	controller, err := rejudge.New(c)
	if err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("cluster.rejudge: %w", err)
	}
	election := lease.New(k, r.Lease, host+"_"+rand.Text()[:8])
	if err := f.reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sallyport_rejudge_elected", Help: "1 at the replica that judges again what runs.",
	}, func() float64 {
		if election.Holds() {
			return 1
		}
		return 0
	})); err != nil {
		return err
	}
	p.cluster.tasks = append(p.cluster.tasks, func(ctx context.Context) error { return election.Run(ctx, controller.Run) })
	return nil
}

// changes are marks of everything by which the gate decides.
func (k *knowledge) changes(ctx context.Context) (string, error) {
	marks, err := k.epochs.Read(ctx, epoch.Labels, epoch.Permissions, epoch.Risks, epoch.Verdicts, epoch.Settings)
	if err != nil {
		return "", err
	}
	set, err := k.policies.current(ctx)
	if err != nil {
		return "", err
	}
	return string(marks) + set.Generation(), nil
}

// enforcedIn tells whether pods may be evicted in a namespace: where the webhook
// would deny them, so that none is evicted only to be admitted again.
func enforcedIn(selector string, rules []config.Namespace) (func(string, map[string]string) bool, error) {
	selects, err := labels.Parse(selector)
	if err != nil {
		return nil, fmt.Errorf("cluster.rejudge.evict_selector: %w", err)
	}
	type rule struct {
		matches func(string) bool
		audit   bool
	}
	var all []rule
	for _, n := range rules {
		matches, err := compileGlobs("webhook.namespaces", n.Names)
		if err != nil {
			return nil, err
		}
		all = append(all, rule{matches, n.Mode == string(webhook.Audit)})
	}
	return func(namespace string, has map[string]string) bool {
		if !selects.Matches(labels.Set(has)) {
			return false
		}
		for _, r := range all {
			if r.matches(namespace) {
				return !r.audit
			}
		}
		return true
	}, nil
}

// compileGlobs tells whether any of the patterns matches.
func compileGlobs(key string, texts []string) (func(string) bool, error) {
	var all []*glob.Pattern
	for _, text := range texts {
		g, err := glob.Compile(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is no pattern: write a name, with * for any text: %w", key, text, err)
		}
		all = append(all, g)
	}
	return func(s string) bool {
		return slices.ContainsFunc(all, func(g *glob.Pattern) bool { return g.Match(s) })
	}, nil
}

// eventsOf is the one writer of events of this process.
func (l *clusterLink) eventsOf(k *cluster.Cluster, reg prometheus.Registerer) (*cluster.Events, error) {
	if l.events == nil {
		events, err := cluster.NewEvents(k, reg)
		if err != nil {
			return nil, err
		}
		l.events, l.tasks = events, append(l.tasks, events.Run)
	}
	return l.events, nil
}
