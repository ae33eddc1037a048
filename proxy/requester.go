package proxy

import (
	"net"
	"net/http"
	"strings"

	"github.com/distribution/distribution/v3/registry/api/errcode"

	"github.com/sallyport-dev/sallyport/image"
)

// requester is who asks.
type requester struct {
	address string
	granted bool            // it showed a token of the sandbox
	grant   image.Reference // what the token opens
}

// requester reads the credentials. A bearer token is a grant or nothing: one
// that is not valid is refused rather than ignored.
func (p *Proxy) requester(r *http.Request) (requester, error) {
	who := requester{address: r.RemoteAddr}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		who.address = host
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return who, nil
	}
	if p.grants != nil {
		if ref, ok := p.grants.Check(strings.TrimSpace(token)); ok && ref.Digest != "" {
			who.granted, who.grant = true, ref
			return who, nil
		}
	}
	return who, refuse(errcode.ErrorCodeUnauthorized, "the token is not valid, or has expired")
}

// opens tells whether the grant is for this manifest.
func (q requester) opens(ref image.Reference) bool {
	return q.granted && q.grant.Name() == ref.Name() && q.grant.Digest == ref.Digest
}
