package proxy

import (
	"errors"
	"net/http"
)

// Proxy is the front: it routes a request, asks the gate, and serves.
type Proxy struct {
	content   *Content
	gate      Gate
	grants    Grants
	artifacts Artifacts
}

// New returns the front on content. grants and artifacts may be nil: then no
// token opens anything, and nothing is attached to images.
func New(content *Content, gate Gate, grants Grants, artifacts Artifacts) (*Proxy, error) {
	if content == nil || gate == nil {
		return nil, errors.New("a proxy needs content and a gate")
	}
	return &Proxy{content: content, gate: gate, grants: grants, artifacts: artifacts}, nil
}

// Handler answers /v2/ and everything below it, and 404 elsewhere. It must see
// the request's path as it was sent: do not put a http.ServeMux in front.
func (p *Proxy) Handler() http.Handler { return http.NotFoundHandler() }
