package proxy

import (
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
	p.attached, err = newAttachedCache()
	return p, err
}

// Handler answers everything below /v2/, and 404 elsewhere. It must see the
// request's path as it was sent: do not put a http.ServeMux in front.
func (p *Proxy) Handler() http.Handler { return http.HandlerFunc(p.serve) }

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	rec := &recorder{ResponseWriter: w}
	rec.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	rt, err := parseRoute(r, p.content.upstreams)
	defer func() {
		took := time.Since(begun)
		p.metrics.answered(rt.kind, r.Method, rec, took)
		logAccess(p.content.cfg.Logger, r, rt, rec, took)
	}()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		rec.Header().Set("Allow", "GET, HEAD")
		refuse(errcode.ErrorCodeUnsupported, pushMessage).write(rec, r)
		return
	}
	if err == nil {
		err = p.answer(rec, r, rt)
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
func (p *Proxy) answer(w *recorder, r *http.Request, rt route) error {
	who, err := p.requester(r)
	if err != nil {
		return err
	}
	switch rt.kind {
	case routeBase:
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
	if rt.kind == routeTags {
		return p.tags(w, r, rt.ref)
	}
	return p.referrers(w, r, rt.ref)
}
