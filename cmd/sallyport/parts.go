package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/console/token"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/server"
	"github.com/sallyport-dev/sallyport/proxy"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/webhook/certs"
)

// parts is a whole gate, built and wired.
type parts struct {
	knowledge   *knowledge
	content     *proxy.Content
	queue       *analysis.Queue
	replayer    *analysis.Replayer
	gate        *gate.Gate
	handlers    map[role]http.Handler
	certificate *certs.Authority // of the webhook
	keys        map[role]*server.KeyPair
	ready       atomic.Bool
	drain       func() // of the proxy: nobody is held any more
	cluster     *clusterLink
	log         *slog.Logger
	ends        []func() // in the order of what they end

	webhookTrust   string // where the webhook's CA is, for people
	adminTokenFile string
}

// build makes everything that the open sockets need. child is nil when the
// sandbox is elsewhere.
func build(ctx context.Context, cfg config.Config, open sockets, child *sandboxChild, log *slog.Logger) (_ *parts, err error) {
	if err := prepareData(cfg.Data); err != nil {
		return nil, err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	driver, err := openStorage(ctx, cfg)
	if err != nil {
		return nil, err
	}
	p := &parts{handlers: map[role]http.Handler{}, keys: map[role]*server.KeyPair{}, log: log, cluster: newClusterLink(cfg.Cluster, log)}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if err := p.openKeys(cfg, open, reg); err != nil {
		return nil, err
	}
	store := openObjects(cfg, driver)
	if open.of(roleConsole) != nil {
		p.adminTokenFile = filepath.Join(cfg.Data, "admin.token")
	}
	tc := token.Config{Objects: store, AdminFile: p.adminTokenFile}
	if open.of(roleConsole) != nil && cfg.Console.AdminToken != "" {
		tc.Admin, p.adminTokenFile = strings.TrimSpace(cfg.Console.AdminToken), "console.admin_token"
	}
	tokens, err := token.Open(tc)
	if err != nil {
		return nil, err
	}
	client, end, err := connect(ctx, cfg.Redis.URL, log)
	if err != nil {
		return nil, err
	}
	p.ends = append(p.ends, end)
	pc := proxyConfig(cfg, client, log, reg)
	if pc.Upstreams, err = upstreams(cfg.Proxy, p.cluster); err != nil {
		return nil, err
	}
	if err := pulling(&pc, cfg, tokens, log); err != nil {
		return nil, err
	}
	if p.content, err = proxy.NewContent(pc, driver); err != nil {
		return nil, err
	}
	p.ends = append(p.ends, func() {
		if err := p.content.Close(); err != nil {
			log.Error("the storage could not be left in order", "error", err)
		}
	})
	if p.knowledge, err = newKnowledge(ctx, cfg, client, store, p.content, log, reg); err != nil {
		return nil, err
	}
	p.ends = append(p.ends, p.knowledge.inspector.Close)
	grants, err := analysis.NewGrants(ctx, p.knowledge.objects)
	if err != nil {
		return nil, err
	}
	local := func() analysis.Local { return analysis.Local{} }
	if child != nil {
		local = child.local
	}
	settings, err := analysis.NewSettings(p.knowledge.objects, p.knowledge.epochs, analysis.Settings{
		Enabled: cfg.Analysis.Enabled, Endpoint: cfg.Analysis.Endpoint, Token: cfg.Analysis.Token,
	}, local)
	if err != nil {
		return nil, err
	}
	settings.Trust(cfg.Analysis.CA)
	// A sandbox elsewhere reaches the proxy as clients do, the one on this
	// machine in clear text.
	pullFrom, pullInsecure := cfg.Analysis.PullFrom, !cfg.Proxy.TLS.On()
	if pullFrom == "" {
		pullFrom, pullInsecure = loopback(open.of(roleProxy)), true
		if open.of(roleGrants) != nil {
			pullFrom = loopback(open.of(roleGrants))
		}
	}
	attest, err := newAttester(cfg, pc.Upstreams, log, reg)
	if err != nil {
		return nil, err
	}
	if p.queue, err = analysis.New(analysis.Config{
		Redis: p.knowledge.redis, Objects: p.knowledge.objects, Verdicts: p.knowledge.verdicts, Settings: settings, Grants: grants,
		PullFrom: pullFrom, PullInsecure: pullInsecure,
		Concluded: attest, Workers: cfg.Analysis.Workers, Timeout: cfg.Sandbox.Timeout, Profile: cfg.Analysis.Profile, Network: cfg.Analysis.Network, Log: log, Metrics: reg,
	}); err != nil {
		return nil, err
	}
	if p.replayer, err = newReplayer(cfg.Analysis.Replay, p.knowledge, attest, settings, log, reg); err != nil {
		return nil, err
	}
	if p.gate, err = p.knowledge.gate(p.queue, log, reg); err != nil {
		return nil, err
	}
	behind := func(ref image.Reference) image.Reference {
		return ref.Behind(cfg.Proxy.Names, p.content.IsUpstream, cfg.Proxy.DefaultUpstream)
	}
	if err := p.fronts(ctx, cfg, open, fronts{grants: grants, tokens: tokens, settings: settings, behind: behind, log: log, reg: reg}); err != nil {
		return nil, err
	}
	p.handlers[roleMetrics] = p.observability(reg)
	return p, nil
}

// run works until ctx ends.
func (p *parts) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return p.queue.Run(ctx) })
	g.Go(func() error { return p.replayer.Run(ctx) })
	g.Go(func() error { return p.knowledge.policies.library.Run(ctx) })
	g.Go(func() error { return p.prune(ctx) })
	if p.certificate != nil {
		g.Go(func() error { return p.certificate.Run(ctx) })
	}
	for _, run := range p.cluster.tasks {
		g.Go(func() error { return run(ctx) })
	}
	p.ready.Store(true)
	g.Go(func() error {
		<-ctx.Done()
		p.ready.Store(false)
		if p.drain != nil {
			p.drain()
		}
		return nil
	})
	for r, k := range p.keys {
		if r == roleGrants && k == p.keys[roleProxy] {
			continue
		}
		g.Go(func() error { k.Watch(ctx); return nil })
	}
	if err := g.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// keepDecisions is how long a decision can be looked up by its id.
const keepDecisions = 30 * 24 * time.Hour

// prune deletes old records now and then, until ctx ends.
func (p *parts) prune(ctx context.Context) error {
	tick := time.NewTicker(6 * time.Hour)
	defer tick.Stop()
	for {
		if err := p.gate.Prune(ctx, time.Now().Add(-keepDecisions)); err != nil && ctx.Err() == nil {
			p.log.Warn("old decisions were not deleted", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (p *parts) close() {
	for i := len(p.ends) - 1; i >= 0; i-- {
		p.ends[i]()
	}
	p.ends = nil
}

// observability is what Prometheus and whoever restarts processes ask.
func (p *parts) observability(reg *prometheus.Registry) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{Registry: reg}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !p.ready.Load() {
			http.Error(w, "starting or ending", http.StatusServiceUnavailable)
			return
		}
		if p.certificate != nil && !p.certificate.Published() {
			http.Error(w, "the webhook's CA is not published yet (webhook.certificates.publish)", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
		// What does not keep it from answering, but somebody should mend.
		for _, s := range p.knowledge.policies.library.Sources() {
			if s.Fault != "" {
				fmt.Fprintf(w, "the last good policies of %s %s stay in force: %s\n", s.Shelf, s.Place, report.Escape(s.Fault))
			}
		}
	})
	return mux
}

// prepareData makes the data folder and finds out at once whether it can be written.
func prepareData(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data folder %s: %w: set data (SALLYPORT_DATA) to a folder that can be written", dir, err)
	}
	probe := filepath.Join(dir, ".writable")
	if err := os.WriteFile(probe, nil, 0o600); err != nil {
		return fmt.Errorf("data folder %s cannot be written: %w: set data (SALLYPORT_DATA) to another, or mend its owner and mode", dir, err)
	}
	return os.Remove(probe)
}

func proxyConfig(cfg config.Config, client redis.UniversalClient, log *slog.Logger, reg prometheus.Registerer) proxy.Config {
	c := proxy.Config{
		Default: cfg.Proxy.DefaultUpstream, Names: cfg.Proxy.Names,
		TagFreshness: cfg.Proxy.TagFreshness, TagAbsence: cfg.Proxy.TagAbsence, CredentialTrust: cfg.Proxy.CredentialTrust,
		Hold:    cfg.Proxy.Hold,
		FillDir: filepath.Join(cfg.Data, "fills"), Redis: client, Shared: cfg.Redis.URL != "",
		CacheSize: int64(cfg.Proxy.Cache.Size), CacheKeep: cfg.Proxy.Cache.Keep, Redirect: cfg.Proxy.Redirect,
		Logger: log, Metrics: reg,
	}
	if c.TagAbsence == 0 {
		c.TagAbsence = -1 // 0 is the default there
	}
	return c
}

// resolver finds the digest of a tag through the proxy's content.
type resolver struct{ content *proxy.Content }

func (r resolver) Resolve(ctx context.Context, ref image.Reference) (image.Reference, error) {
	if ref.Digest != "" {
		return ref, nil
	}
	m, err := r.content.Manifest(ctx, ref)
	if err != nil {
		return image.Reference{}, err
	}
	return ref.WithDigest(m.Digest), nil
}

// nothingQueued is the queue of a gate that can have nothing run.
type nothingQueued struct{}

func (nothingQueued) Enqueue(context.Context, analysis.Job) (analysis.State, error) {
	return analysis.State{}, errNothingQueued
}

func (nothingQueued) Wait(context.Context, ...digest.Digest) error { return errNothingQueued }
