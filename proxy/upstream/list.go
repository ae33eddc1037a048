package upstream

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/image"
)

// List is the closed list of upstreams. It is immutable and safe for
// concurrent use.
type List struct {
	registries map[string]*Registry
	known      []string // sorted
	fallback   string
	own        []string // names of this gate
}

// UnknownError is the answer to a registry that is not on the list.
type UnknownError struct {
	Registry string
	Known    []string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("%s is not an upstream of this gate: it knows %s; to add it, list it under proxy.upstreams in the gate's configuration",
		e.Registry, strings.Join(e.Known, ", "))
}

// NewList checks the configurations and returns the list of them. fallback is
// the registry for paths that name none; empty means the first. own are the
// gate's names, host or host:port. Nothing is dialled.
func NewList(configs []Config, fallback string, own []string) (*List, error) {
	if len(configs) == 0 {
		return nil, errors.New("no upstream: list at least one registry under proxy.upstreams, e.g. docker.io")
	}
	l := &List{registries: make(map[string]*Registry, len(configs))}
	for _, cfg := range configs {
		r, err := newRegistry(cfg)
		if err != nil {
			return nil, err
		}
		if l.registries[r.Name] != nil {
			return nil, fmt.Errorf("upstream %s is listed twice: keep one entry and give it all endpoints", r.Name)
		}
		l.registries[r.Name] = r
		l.known = append(l.known, r.Name)
	}
	l.fallback = image.NormalRegistry(fallback)
	if fallback == "" {
		l.fallback = l.known[0]
	}
	slices.Sort(l.known)
	if l.registries[l.fallback] == nil {
		return nil, fmt.Errorf("the default upstream %s is not listed: proxy.upstreams has %s", l.fallback, strings.Join(l.known, ", "))
	}
	for _, name := range own {
		l.own = append(l.own, image.NormalRegistry(name))
	}
	return l, nil
}

// Registry returns the upstream with this normalised name, or an *UnknownError.
func (l *List) Registry(name string) (*Registry, error) {
	if r := l.registries[name]; r != nil {
		return r, nil
	}
	return nil, l.unknown(name)
}

// unknown keeps what a client sent short: it is repeated in the answer.
func (l *List) unknown(name string) error {
	if len(name) > 128 {
		name = strings.ToValidUTF8(name[:128], "") + "…"
	}
	return &UnknownError{Registry: name, Known: l.known}
}

// Has tells whether name, normalised, is on the list.
func (l *List) Has(name string) bool { return l.registries[name] != nil }

// Close lets go of idle connections.
func (l *List) Close() {
	for _, r := range l.registries {
		for _, e := range r.endpoints {
			e.conns.CloseIdleConnections()
		}
	}
}

// Choose tells which registry and repository a request means: ns is its query
// parameter of that name (distribution specification, "Registry Proxying"),
// host its Host header, path the name in its path. The order is ns, the first
// component of path, host, the default. A registry that is not on the list is
// an *UnknownError. The repository is not checked.
func (l *List) Choose(ns, host, path string) (registry, repository string, err error) {
	if ns != "" {
		// An engine that was told another name for the gate sends that name.
		if n := image.NormalRegistry(ns); n != image.NormalRegistry(host) && !slices.Contains(l.own, n) {
			if !l.Has(n) {
				return "", "", l.unknown(n)
			}
			return n, path, nil
		}
	}
	if first, rest, ok := strings.Cut(path, "/"); ok {
		n := image.NormalRegistry(first)
		if first != "" && l.Has(n) {
			return n, rest, nil
		}
		// Only a host has a dot or a port: no repository of the default
		// upstream is meant, and guessing one would ask the wrong registry.
		if strings.ContainsAny(first, ".:") || first == "localhost" {
			return "", "", l.unknown(n)
		}
	}
	if n := image.NormalRegistry(host); host != "" && l.Has(n) && !slices.Contains(l.own, n) {
		return n, path, nil
	}
	return l.fallback, path, nil
}

// Observe has every failure of an upstream told to f. Call it before the list
// is used.
func (l *List) Observe(f func(registry string, k Kind)) {
	for _, r := range l.registries {
		r.observe = f
	}
}

// UseClock has time told by now. Call it before the list is used.
func (l *List) UseClock(now func() time.Time) {
	for _, r := range l.registries {
		r.now = now
	}
}

// State is how an endpoint does.
type State struct {
	Registry  string
	Endpoint  string        // its host and port
	Healthy   bool          // it is not left out
	Pause     time.Duration // the gate itself asks nothing for so long, 0 for none
	Limit     int64         // requests that the registry allows the gate in its window, -1 if not told
	Remaining int64         // of Limit, -1 if not told
	Requests  int           // under way, at all endpoints of the registry
}

// States tells how every endpoint does, by registry and in their order.
func (l *List) States() []State {
	var all []State
	for _, n := range l.known {
		r := l.registries[n]
		for _, e := range r.endpoints {
			a := e.limits.allowance()
			all = append(all, State{
				Registry: n, Endpoint: e.base.Host, Healthy: e.health.healthy(), Pause: e.limits.pause(r.now(), ""),
				Limit: a.limit, Remaining: a.remaining, Requests: len(e.slots),
			})
		}
	}
	return all
}
