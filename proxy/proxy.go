package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/distribution/distribution/v3/registry/api/errcode"
)

// Proxy is the front: it routes a request, asks the gate, and serves. It is
// safe for concurrent use.
type Proxy struct {
	content   *Content
	gate      Gate
	grants    Grants
	artifacts Artifacts
	attached  attachedCache
	metrics   *frontMetrics
	clients   *clients
	routes    routes
	draining  context.Context // ends when the gate is about to
	drain     context.CancelFunc
}

// New returns the front on content, with content's settings. grants and
// artifacts may be nil: then no token opens anything, and nothing is attached
// to images.
func New(content *Content, gate Gate, grants Grants, artifacts Artifacts) (*Proxy, error) {
	if content == nil || gate == nil {
		return nil, errors.New("a proxy needs content and a gate")
	}
	p := &Proxy{content: content, gate: gate, grants: grants, artifacts: artifacts, metrics: newFrontMetrics(content.cfg.Metrics)}
	var err error
	if p.attached, err = newAttachedCache(); err != nil {
		return nil, err
	}
	if p.routes, err = newRoutes(); err != nil {
		return nil, err
	}
	if p.clients, err = newClients(content.cfg.Limits, content.cfg.now); err != nil {
		return nil, err
	}
	p.draining, p.drain = context.WithCancel(context.Background())
	return p, nil
}

// Drain says that the gate is about to end: whoever is held until an analysis
// is done is told to come back, and nobody is held any more.
func (p *Proxy) Drain() { p.drain() }

// Handler answers everything below /v2/, and 404 elsewhere. It must see the
// request's path as it was sent: do not put a http.ServeMux in front.
func (p *Proxy) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, false) })
}

// GrantHandler answers like Handler, but only who shows a grant: it is for the
// sandbox on the same machine, where Handler is behind TLS.
func (p *Proxy) GrantHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, true) })
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request, grantsOnly bool) {
	begun := time.Now()
	rec := newRecorder(w, p.content.cfg.Limits)
	rec.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	rec.Header().Set("Sallyport-Gate", "1") // by which `sallyport doctor` tells a gate from a registry
	rt, routeErr := p.routes.of(r, p.content.upstreams)
	who, err := p.requester(r)
	defer func() {
		took := time.Since(begun)
		p.metrics.answered(rt.kind, r.Method, rec, took)
		via := ""
		if p.content.cfg.Proxies.Trusts(r.RemoteAddr) {
			via = r.RemoteAddr
		}
		logAccess(p.content.cfg.Logger, r, via, rt, who, rec, took)
	}()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		rec.Header().Set("Allow", "GET, HEAD")
		refuse(errcode.ErrorCodeUnsupported, pushMessage).write(rec, r)
		return
	}
	switch {
	case err != nil: // who may not pull learns nothing about what there is
	case grantsOnly && !who.granted:
		err = p.unauthorized("only the sandbox is served here")
	case routeErr != nil:
		err = routeErr
	default:
		err = p.answer(rec, r, rt, who)
	}
	if err == nil {
		return
	}
	if rec.code != 0 {
		// The status is out and the body cannot be completed: the client must
		// see that, and not take half an answer for a whole one.
		if r.Context().Err() == nil {
			logFailure(r.Context(), p.content.cfg.Logger, r, err)
		}
		panic(http.ErrAbortHandler)
	}
	answer := answerTo(rt.kind, err)
	if answer.statusCode() >= 500 && r.Context().Err() == nil {
		logFailure(r.Context(), p.content.cfg.Logger, r, err)
	}
	answer.write(rec, r)
}

// answer serves one route or returns why not.
func (p *Proxy) answer(w *recorder, r *http.Request, rt route, who requester) error {
	if !who.granted {
		leave, err := p.clients.enter(who)
		if err != nil {
			return err
		}
		defer leave()
	}
	r = p.onBehalf(r, who)
	if err := p.visible(r.Context(), rt); err != nil {
		return err
	}
	switch rt.kind {
	case routeBase:
		if p.content.cfg.takesCredentials() && !who.granted && who.credential.Anonymous() {
			// Docker sends credentials only where this call asked for them.
			return challenge("log in with the credentials of the registry behind this gate")
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "2")
		w.WriteHeader(http.StatusOK)
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, "{}")
		}
		return nil
	case routeManifest:
		return p.manifest(w, r, rt.ref, who)
	case routeBlob:
		return p.blob(w, r, rt, who)
	}
	if who.granted {
		return refuse(errcode.ErrorCodeDenied, "the token opens one image only: %s", who.grant)
	}
	switch rt.kind {
	case routeTags:
		return p.tags(w, r, rt.ref)
	case routeCatalog:
		return p.catalog(w, r, who)
	}
	return p.referrers(w, r, rt.ref)
}
