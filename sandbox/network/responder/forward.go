package responder

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
)

// Egress fetches real answers. to and name are where the guest's connection
// went; r has an absolute URL, which is only what the guest claims.
type Egress interface {
	Fetch(r *http.Request, name string, to netip.AddrPort) (status int, header http.Header, body []byte, err error)
}

// forward has requests answered by the real internet, where that is allowed. It
// comes after the sites on which harm could be done to others (Docker,
// Kubernetes, chats, what is published), which stay simulated in every network.
// What cannot be fetched is answered by the sites that follow.
type forward struct{ egress Egress }

const fromInternet = "internet"

func (s forward) answer(r *request) *answer {
	if s.egress == nil || r.Method == http.MethodConnect {
		return nil
	}
	status, header, body, err := s.fetch(r)
	if err != nil {
		r.to.Log.Message(false, "gateway_refused", map[string]string{"url": clip(r.url().Redacted()), "why": clip(err.Error())})
		return nil
	}
	a := &answer{status: status, kind: header.Get("Content-Type"), body: body, source: fromInternet, header: map[string]string{}}
	for name, values := range header {
		if len(a.header) == maxHeaders {
			break
		}
		if name != "Content-Type" && (name != "Content-Length" || r.Method == http.MethodHead) {
			a.header[name] = strings.Join(values, ", ")
		}
	}
	if cookies := header.Values("Set-Cookie"); len(cookies) > 1 {
		a.header["Set-Cookie"] = cookies[0] // they cannot be joined: RFC 6265 §3
	}
	return a
}

// maxHeaders bounds how many headers are kept of a request, and handed on.
const maxHeaders = 100

var errCut = errors.New("a body that is longer than what is kept of it")

func (s forward) fetch(r *request) (int, http.Header, []byte, error) {
	if r.size > int64(len(r.body)) {
		return 0, nil, nil, errCut
	}
	ctx := r.to.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	out, err := http.NewRequestWithContext(ctx, r.Method, r.url().String(), bytes.NewReader(r.body))
	if err != nil {
		return 0, nil, nil, err
	}
	out.Header = r.Header.Clone()
	return s.egress.Fetch(out, r.to.Peer, r.to.To)
}
