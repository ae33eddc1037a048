package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/token"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/proxy"
	"github.com/sallyport-dev/sallyport/webhook"
)

// fronts is what the fronts need beside the gate.
type fronts struct {
	grants   *analysis.Grants
	tokens   *token.Tokens
	settings *analysis.SettingsStore
	behind   func(image.Reference) image.Reference
	log      *slog.Logger
	reg      prometheus.Registerer
}

// fronts builds the front of every open socket.
func (p *parts) fronts(ctx context.Context, cfg config.Config, open sockets, f fronts) error {
	resolver := resolver{p.content}
	if open.of(roleProxy) != nil {
		front, err := proxy.New(p.content, p.gate, f.grants, p.knowledge.verdicts)
		if err != nil {
			return err
		}
		p.handlers[roleProxy], p.handlers[roleGrants], p.drain = front.Handler(), front.GrantHandler(), front.Drain
	}
	if open.of(roleWebhook) != nil {
		wc, err := p.webhook(cfg, f)
		if err != nil {
			return err
		}
		w, err := webhook.New(wc, p.gate, resolver)
		if err != nil {
			return err
		}
		p.handlers[roleWebhook] = w.Handler()
		if err := p.openCertificate(ctx, cfg, f.reg); err != nil {
			return err
		}
		if cfg.Cluster.Rejudge.Enabled {
			if err := p.rejudge(cfg, f); err != nil {
				return err
			}
		}
	}
	if open.of(roleConsole) != nil {
		c, err := console.New(console.Config{
			Version: version, Behind: f.behind, Ready: p.ready.Load, Logger: f.log, Metrics: f.reg,
		}, console.Parts{
			Gate: p.gate, Permissions: p.gate.Permissions(), Risks: p.gate.Risks(), Labels: p.knowledge.labels, Policies: p.knowledge.policies,
			Verdicts: p.knowledge.verdicts, Queue: p.queue, Settings: f.settings, Inspector: p.knowledge.inspector,
			Cache: p.content.Cache(), Replayer: p.replayer,
			Resolver: resolver, Tokens: f.tokens,
		})
		if err != nil {
			return err
		}
		p.handlers[roleConsole] = c.Handler()
	}
	return nil
}
