package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/console/token"
	"github.com/sallyport-dev/sallyport/internal/server"
	"github.com/sallyport-dev/sallyport/proxy"
	"github.com/sallyport-dev/sallyport/proxy/account"
)

// pulling sets in c who may pull, and how much.
func pulling(c *proxy.Config, cfg config.Config, tokens *token.Tokens, log *slog.Logger) error {
	auth := cfg.Proxy.Auth
	accounts := account.Config{File: auth.Htpasswd, Log: log}
	if auth.Has(config.AuthTokens) {
		accounts.Tokens = pullers{tokens}
	}
	if accounts.File != "" || accounts.Tokens != nil {
		var err error
		if c.Accounts, err = account.Open(accounts); err != nil {
			return fmt.Errorf("proxy.auth: %w", err)
		}
	}
	c.AccountRequired = !auth.Has(config.AuthAnonymous)
	c.AllowHead = cfg.Proxy.HeadDenials == http.StatusOK
	c.Catalog = proxy.Catalog(cfg.Proxy.Catalog)
	var err error
	if c.Proxies, err = reverseProxies(cfg); err != nil {
		return err
	}
	l := cfg.Proxy.Limits
	c.Fills = l.Fills
	c.Limits = proxy.Limits{Rate: l.Rate, Burst: l.Burst, Requests: l.Requests, Stall: l.Stall, MinRate: l.MinRate}
	return nil
}

// reverseProxies are those whose word about clients' addresses is taken.
func reverseProxies(cfg config.Config) (server.Proxies, error) {
	p, err := server.NewProxies(cfg.Proxy.TrustedProxies, cfg.Proxy.ForwardedHeader)
	if err != nil {
		return p, fmt.Errorf("proxy.trusted_proxies, proxy.forwarded_header: %w", err)
	}
	return p, nil
}

// pullers are the bearers of tokens with which one may pull.
type pullers struct{ tokens *token.Tokens }

func (p pullers) Is(text string) bool { return token.Is(text) }

func (p pullers) Check(ctx context.Context, text string) (string, error) {
	t, err := p.tokens.Check(ctx, text)
	switch {
	case errors.Is(err, token.ErrInvalid):
		return "", fmt.Errorf("%w: %v", account.ErrRefused, err)
	case err != nil:
		return "", err
	case t.Role != token.Puller && t.Role != token.Admin:
		return "", fmt.Errorf("%w: the token %s has the role %q; make one with `sallyport token create NAME --role %s`", account.ErrForbidden, t.Name, t.Role, token.Puller)
	}
	return t.Name, nil
}

// openKeys reads the certificates of the fronts that have one.
func (p *parts) openKeys(cfg config.Config, open sockets, reg prometheus.Registerer) error {
	for r, t := range map[role]config.TLS{roleProxy: cfg.Proxy.TLS, roleConsole: cfg.Console.TLS, roleWebhook: cfg.Webhook.TLS} {
		if open.of(r) == nil || !t.On() {
			continue
		}
		k, err := server.OpenKeyPair(t.Certificate, t.Key, p.log)
		if err != nil {
			return fmt.Errorf("%s.tls: %w", r, err)
		}
		p.keys[r] = k
		if r == roleProxy && cfg.Proxy.GrantsListen != "" {
			p.keys[roleGrants] = k
		}
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sallyport_tls_certificate_not_after_seconds", Help: "When the certificate of a listener ends, as a Unix time.",
			ConstLabels: prometheus.Labels{"server": string(r)},
		}, func() float64 { return float64(k.NotAfter().Unix()) }))
	}
	if cfg.Proxy.Auth.Has(config.AuthHtpasswd) || cfg.Proxy.Auth.Has(config.AuthTokens) {
		if a, ok := open.of(roleProxy).(*net.TCPAddr); ok && !a.IP.IsLoopback() && p.keys[roleProxy] == nil {
			p.log.Warn("credentials of clients travel in clear text: set proxy.tls, or put TLS in front of the proxy", "address", a.String())
		}
	}
	return nil
}
