package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// sessionsKept bounds the repositories of one endpoint, for each asker, for
	// which a token is kept; one is about 2 KiB.
	sessionsKept = 1024
	// sessionAge is how long credentials are used before the keychain is asked
	// again: those of clouds and clusters change.
	sessionAge = 10 * time.Minute
)

// sessions answer an endpoint's challenges. A registry grants tokens per
// repository, so they are kept so, and per asker.
type sessions struct {
	endpoint *endpoint
	keychain authn.Keychain
	resource authn.Resource // what the keychain is asked for
	now      func() time.Time
	kept     *lru.Cache[sessionKey, *session]

	learning  chan struct{} // holds one token: whoever has it may look at challenge
	challenge *transport.Challenge
}

type sessionKey struct{ asker, repository string }

// session is the authenticated transport for one repository, made on first use.
type session struct {
	making    chan struct{} // holds one token: whoever has it may look at the rest
	transport http.RoundTripper
	plain     bool         // transport answers no challenge
	made      atomic.Int64 // Unix time in nanoseconds
}

func newSessions(e *endpoint, keychain authn.Keychain, resource authn.Resource, now func() time.Time) (*sessions, error) {
	kept, err := lru.New[sessionKey, *session](sessionsKept)
	if err != nil {
		return nil, err
	}
	s := &sessions{endpoint: e, keychain: keychain, resource: resource, now: now, kept: kept, learning: make(chan struct{}, 1)}
	s.learning <- struct{}{}
	return s, nil
}

// send asks. Who has no credentials is taken at the registry's word: nothing is
// negotiated until it answers 401, which a public registry never does.
func (s *sessions) send(ctx context.Context, who asker, q question) (*http.Response, error) {
	rt, plain, err := s.transport(ctx, who, q.repository, false)
	if err != nil {
		return nil, err
	}
	resp, err := s.endpoint.request(ctx, rt, q)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	if !plain {
		// A token that expired was renewed on the way; what is left are
		// credentials that changed.
		aged := s.forget(sessionKey{who.id, q.repository})
		if !aged {
			return resp, nil
		}
	}
	rt, again, err := s.transport(ctx, who, q.repository, true)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	if plain && again {
		return resp, nil
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // so that the connection serves again
	resp.Body.Close()
	return s.endpoint.request(ctx, rt, q)
}

// forget drops a session that was refused, so that the next question looks its
// credentials up. aged tells that this may help at once.
func (s *sessions) forget(key sessionKey) (aged bool) {
	if own, ok := s.kept.Peek(key); ok {
		aged = s.now().Sub(time.Unix(0, own.made.Load())) > time.Minute
	}
	s.kept.Remove(key)
	return aged
}

// transport returns the transport with the asker's token for the repository.
// The registry's challenge is answered, with the checks of its realm, by
// go-containerregistry. challenged says that a plain one was answered 401.
func (s *sessions) transport(ctx context.Context, who asker, repository string, challenged bool) (rt http.RoundTripper, plain bool, err error) {
	fresh := &session{making: make(chan struct{}, 1)}
	fresh.making <- struct{}{}
	key := sessionKey{who.id, repository}
	own, ok, _ := s.kept.PeekOrAdd(key, fresh)
	if ok {
		s.kept.Get(key) // counts as use
	} else {
		own = fresh
	}
	select {
	case <-own.making:
		defer func() { own.making <- struct{}{} }()
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
	age := s.now().Sub(time.Unix(0, own.made.Load()))
	if own.transport != nil && age >= 0 && age < sessionAge && !(challenged && own.plain) {
		return own.transport, own.plain, nil
	}
	rt, plain, err = s.make(ctx, who, repository, challenged)
	if err != nil {
		return nil, false, err
	}
	own.transport, own.plain = rt, plain
	own.made.Store(s.now().UnixNano())
	return rt, plain, nil
}

func (s *sessions) make(ctx context.Context, who asker, repository string, challenged bool) (http.RoundTripper, bool, error) {
	auth := who.credential.authenticator()
	if !who.client() {
		var err error
		if auth, err = authn.Resolve(ctx, s.keychain, repositoryOf{s.resource, repository}); err != nil {
			return nil, false, fmt.Errorf("looking up credentials for %s: %w", s.resource.RegistryStr(), err)
		}
	}
	given, err := authn.Authorization(ctx, auth)
	if err != nil {
		return nil, false, fmt.Errorf("looking up credentials for %s: %w", s.resource.RegistryStr(), err)
	}
	has := *given != authn.AuthConfig{}
	c, err := s.learn(ctx, has || challenged)
	if err != nil {
		return nil, false, err
	}
	if c == nil || (c.Scheme == "" && !has) {
		return s.endpoint.inner, true, nil
	}
	e := s.endpoint
	// What NewWithContext does after its ping, which is not needed every time.
	tok := transport.Token{Token: given.RegistryToken}
	if tok.Token == "" && strings.EqualFold(c.Scheme, "bearer") {
		t, err := transport.Exchange(ctx, e.registry, auth, e.inner, []string{"repository:" + repository + ":pull"}, c)
		if err != nil {
			return nil, false, err
		}
		tok = *t
		if tok.Token == "" {
			tok.Token = tok.AccessToken
		}
	}
	rt, err := transport.FromToken(e.registry, auth, e.inner, c, &tok)
	return rt, false, err
}

// repositoryOf is a repository as keychains know it, some of which have
// credentials for one only.
type repositoryOf struct {
	authn.Resource
	repository string
}

func (r repositoryOf) String() string { return r.RegistryStr() + "/" + r.repository }

// learn returns the endpoint's challenge, which holds for all repositories;
// nil when it is not known and need not be.
func (s *sessions) learn(ctx context.Context, needed bool) (*transport.Challenge, error) {
	select {
	case <-s.learning:
		defer func() { s.learning <- struct{}{} }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.challenge != nil || !needed {
		return s.challenge, nil
	}
	c, err := transport.Ping(ctx, s.endpoint.registry, s.endpoint.inner)
	if err != nil {
		return nil, err
	}
	s.challenge = c
	return c, nil
}
