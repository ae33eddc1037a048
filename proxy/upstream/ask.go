package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// ask puts the question to the endpoints in their order, those that failed
// lately after the others. One that fails or does not have the thing (a mirror
// may lack it) leads to the next; a fault outweighs "not found", since the one
// at fault might have it. urgent has endpoints asked although they failed
// lately, if nobody else has an answer.
func ask[T any](ctx context.Context, r *Registry, what string, urgent bool, put func(*endpoint, asker) (T, error)) (T, error) {
	who := r.asker(ctx)
	var none T
	var worst *Error
	worse := func(e *Error) {
		if worst == nil || weight(e.Kind) > weight(worst.Kind) || e.Kind == Limited && worst.Kind == Limited && e.RetryAfter < worst.RetryAfter {
			worst = e
		}
	}
	try := func(e *endpoint) (v T, done bool, err error) {
		if wait := e.limits.pause(r.now(), who.id); wait > 0 {
			e.health.abandoned()
			worse(&Error{Registry: r.Name, What: what, Kind: Limited, RetryAfter: wait, cause: errPaused})
			return none, false, nil
		}
		v, err = put(e, who)
		if err == nil {
			e.health.answered()
			return v, true, nil
		}
		if ctx.Err() != nil {
			e.health.abandoned()
			return none, true, ctx.Err()
		}
		failed := r.classify(what, e, who, err)
		switch failed.Kind {
		case Fault:
			e.health.failed(r.now())
		case Limited:
			failed.RetryAfter = e.limits.pause(r.now(), who.id)
			e.health.answered()
		default:
			e.health.answered()
		}
		r.observe(r.Name, failed.Kind)
		worse(failed)
		return none, false, nil
	}
	var out []*endpoint
	for _, e := range r.endpoints {
		if !e.health.usable(r.now()) {
			out = append(out, e)
			continue
		}
		if v, done, err := try(e); done {
			return v, err
		}
	}
	for _, e := range out {
		if !urgent {
			worse(r.fault(what, "it failed a moment ago and is left alone for a while", nil))
			continue
		}
		if v, done, err := try(e); done {
			return v, err
		}
	}
	return none, worst
}

// errPaused is the cause of what was refused without asking.
var errPaused = errors.New("not asked: its Retry-After has not passed")

func weight(k Kind) int {
	return map[Kind]int{NotFound: 0, Refused: 1, Limited: 2, Fault: 3}[k]
}

// classify gives errors of the connection and of the token exchange, which
// answers with a status of its own, the one shape that callers know.
func (r *Registry) classify(what string, e *endpoint, who asker, err error) *Error {
	var done *Error
	if errors.As(err, &done) {
		return done
	}
	var answered *transport.Error
	if errors.As(err, &answered) && answered.StatusCode != 0 {
		req := answered.Request
		if req == nil {
			req = &http.Request{Method: http.MethodGet, URL: e.base}
		}
		switch code := answered.StatusCode; {
		case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusTooManyRequests:
			return r.status(what, who, &http.Response{StatusCode: code, Status: strconv.Itoa(code), Request: req})
		case req.URL.Host == e.base.Host && strings.HasPrefix(req.URL.Path, "/v2"):
			return r.fault(what, "it answered "+strconv.Itoa(code)+" when asked how to log in", err)
		default:
			// One that knows no such repository is no missing manifest.
			return r.fault(what, "its token service answered "+strconv.Itoa(code), err)
		}
	}
	return r.fault(what, reason(err), err)
}

// reason says in one phrase without addresses why there was no answer.
func reason(err error) string {
	var (
		timeout  net.Error
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		verify   *tls.CertificateVerificationError
	)
	switch {
	case errors.Is(err, errElsewhere):
		return "it points to where this gate does not go (the gate's log says where)"
	case errors.As(err, &unknown), errors.As(err, &hostname), errors.As(err, &invalid), errors.As(err, &verify):
		return "its certificate is not trusted (proxy.upstreams, ca_file)"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer in time"
	}
	return "it cannot be reached"
}

// passing tells a failure that may be over at once. One that took its time
// already is none.
func passing(err error) bool {
	var answered *transport.Error
	return errors.As(err, &answered) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
