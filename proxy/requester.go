package proxy

import (
	"errors"
	"net/http"
	"strings"

	"github.com/distribution/distribution/v3/registry/api/errcode"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/internal/server"
	"github.com/sallyport-dev/sallyport/proxy/account"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// requester is who asks.
type requester struct {
	address string          // of the client, also behind proxies that are trusted
	user    string          // "" without credentials of ours
	granted bool            // it showed a token of the sandbox
	grant   image.Reference // what the token opens

	credential upstream.Credential // for upstreams that take clients' own
}

// requester reads the credentials. Those that are not valid are refused rather
// than ignored, so that nobody believes to be somebody.
func (p *Proxy) requester(r *http.Request) (requester, error) {
	who := requester{address: p.content.cfg.Proxies.Client(r)}
	sent := r.Header["Authorization"]
	if len(sent) > 1 {
		return who, p.unauthorized("credentials were sent twice")
	}
	if len(sent) == 0 || sent[0] == "" {
		return who, p.anonymous()
	}
	accounts, client := p.content.cfg.Accounts, server.Client(who.address)
	scheme, token, _ := strings.Cut(sent[0], " ")
	var err error
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		token = strings.TrimSpace(token)
		if p.grants != nil {
			if ref, ok := p.grants.Check(token); ok && ref.Digest != "" {
				who.granted, who.grant = true, ref
				return who, nil
			}
		}
		if accounts == nil && p.content.cfg.takesCredentials() {
			who.credential, err = theirs(r)
			return who, err
		}
		if accounts == nil {
			return who, p.unauthorized("the token is not valid, or has expired")
		}
		who.user, err = accounts.Token(r.Context(), client, token)
	case accounts == nil && p.content.cfg.takesCredentials():
		who.credential, err = theirs(r)
		return who, err
	case accounts == nil:
		// Nobody has credentials here: they are not for us.
		return who, p.anonymous()
	default:
		user, password, ok := r.BasicAuth()
		if !ok {
			return who, p.unauthorized("the Authorization header cannot be read: send Basic or Bearer credentials")
		}
		who.user, err = accounts.Password(r.Context(), client, user, password)
	}
	return who, p.accountRefused(err)
}

// anonymous is nil if pulls without credentials are served.
func (p *Proxy) anonymous() error {
	if p.content.cfg.AccountRequired {
		return p.unauthorized("log in first: docker login, or credentials in the engine's configuration")
	}
	return nil
}

func (p *Proxy) accountRefused(err error) error {
	var limited *account.LimitedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &limited):
		return tooMany(limited.After, "%s", limited)
	case errors.Is(err, account.ErrRefused):
		return p.unauthorized("%s", oneLine(err.Error()))
	case errors.Is(err, account.ErrForbidden):
		return refuse(errcode.ErrorCodeDenied, "%s", oneLine(err.Error()))
	}
	return faulted{refuse(errcode.ErrorCodeUnavailable, "the credentials cannot be checked now: try again"), err}
}

// unauthorized asks for credentials (RFC 7235, section 4.1).
func (p *Proxy) unauthorized(format string, args ...any) refusal {
	r := refuse(errcode.ErrorCodeUnauthorized, format, args...)
	challenge := `Basic realm="sallyport", charset="UTF-8"`
	if p.content.cfg.Accounts == nil {
		challenge = `Bearer realm="sallyport", error="invalid_token"`
	}
	r.header = http.Header{"Www-Authenticate": {challenge}}
	return r
}

// opens tells whether the grant is for this manifest.
func (q requester) opens(ref image.Reference) bool {
	return q.granted && q.grant.Name() == ref.Name() && q.grant.Digest == ref.Digest
}

// String is the requester for the audit log.
func (q requester) String() string {
	if q.user == "" {
		return q.address
	}
	return q.user + " (" + q.address + ")"
}

// client is whom limits count.
func (q requester) client() string {
	if q.user == "" {
		return server.Client(q.address)
	}
	return "user " + q.user
}
