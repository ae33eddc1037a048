package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/registry/api/errcode"

	"github.com/sallyport-dev/sallyport/proxy/fill"
	"github.com/sallyport-dev/sallyport/proxy/store"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

const pushMessage = "this is a gate for pulling: push to the registry itself"

// refusal is an answer that is not the thing asked for, in the shape of the
// distribution specification ("Error Codes").
type refusal struct {
	status  int // 0 for the code's own
	code    errcode.ErrorCode
	message string // one line
	detail  any
	header  http.Header
}

func (r refusal) Error() string { return r.message }

func refuse(code errcode.ErrorCode, format string, args ...any) refusal {
	return refusal{code: code, message: fmt.Sprintf(format, args...)}
}

// answerTo turns any error of a request into what the client is told. This is
// the only place that does. Causes that name addresses stay in the log.
func answerTo(kind routeKind, err error) refusal {
	var (
		r       refusal
		unknown *upstream.UnknownError
		up      *upstream.Error
	)
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &unknown):
		return refuse(errcode.ErrorCodeNameUnknown, "%s", unknown)
	case errors.As(err, &up):
		return upstreamFailed(kind, up)
	case errors.Is(err, ErrBlobUnknown):
		return refuse(errcode.ErrorCodeBlobUnknown, "%s", err)
	case errors.Is(err, store.ErrSchema1):
		return refusal{status: http.StatusUnsupportedMediaType, code: errcode.ErrorCodeUnsupported, message: oneLine(err.Error())}
	case errors.Is(err, store.ErrInvalid):
		return refusal{status: http.StatusBadGateway, code: errcode.ErrorCodeManifestInvalid, message: "upstream holds something else than a manifest: " + withoutAddresses(oneLine(err.Error()))}
	case errors.Is(err, fill.ErrMismatch):
		return refusal{status: http.StatusBadGateway, code: errcode.ErrorCodeDigestInvalid, message: oneLine(err.Error())}
	case errors.Is(err, fill.ErrClosed):
		return refuse(errcode.ErrorCodeUnavailable, "the gate is stopping: try again")
	case errors.Is(err, context.DeadlineExceeded):
		return refusal{status: http.StatusGatewayTimeout, code: errcode.ErrorCodeUnavailable, message: "upstream took too long: try again"}
	}
	return refusal{status: http.StatusInternalServerError, code: errcode.ErrorCodeUnknown, message: "the gate failed on this request; its log says why"}
}

func upstreamFailed(kind routeKind, up *upstream.Error) refusal {
	message := oneLine(up.Error())
	switch up.Kind {
	case upstream.NotFound:
		code := errcode.ErrorCodeManifestUnknown
		switch kind {
		case routeBlob:
			code = errcode.ErrorCodeBlobUnknown
		case routeTags:
			code = errcode.ErrorCodeNameUnknown
		}
		return refusal{code: code, message: message}
	case upstream.Refused:
		if up.Client && (up.Anonymous || up.Status == http.StatusUnauthorized) {
			return challenge("%s", message)
		}
		// Not 401: it is the gate that lacks credentials, not the client.
		return refusal{code: errcode.ErrorCodeDenied, message: message}
	case upstream.Limited:
		r := refusal{code: errcode.ErrorCodeTooManyRequests, message: message, header: http.Header{}}
		if up.RetryAfter > 0 {
			r.header.Set("Retry-After", retryAfter(up.RetryAfter))
		}
		return r
	}
	return refusal{status: http.StatusBadGateway, code: errcode.ErrorCodeUnavailable, message: message}
}

// write sends the refusal; a HEAD gets status and headers only.
func (r refusal) write(w http.ResponseWriter, req *http.Request) {
	h := w.Header()
	// What was set for the thing itself does not hold for this.
	for _, k := range []string{"Content-Length", "Content-Range", "Etag", "Docker-Content-Digest", "Accept-Ranges"} {
		h.Del(k)
	}
	for k, v := range r.header {
		h[k] = v
	}
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	body, err := json.Marshal(errcode.Errors{errcode.Error{Code: r.code, Message: r.message, Detail: r.detail}})
	if err != nil {
		body = []byte(`{"errors":[{"code":"UNKNOWN","message":"the answer could not be written"}]}`)
	}
	body = append(body, '\n')
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(r.statusCode())
	if req.Method != http.MethodHead {
		_, _ = w.Write(body) // the client went away: nobody to tell
	}
}

func (r refusal) statusCode() int {
	if r.status != 0 {
		return r.status
	}
	return r.code.Descriptor().HTTPStatusCode
}

// retryAfter is a duration as the header counts it: whole seconds, at least 1.
func retryAfter(d time.Duration) string {
	return strconv.Itoa(max(1, int((d + time.Second - 1).Seconds())))
}

// maxWarnings is what the distribution specification allows all warnings of
// an answer to have, in bytes.
const maxWarnings = 4096

// warn sets Warning headers ("Warnings" in the distribution specification).
func warn(h http.Header, warnings []string) {
	left := maxWarnings
	for _, text := range warnings {
		value := `299 - "` + quotable(text) + `"`
		if left -= len(value); left < 0 {
			return
		}
		h.Add("Warning", value)
	}
}

// quotable is the text as a quoted-string may hold it.
func quotable(s string) string {
	var b strings.Builder
	for _, c := range oneLine(s) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\'')
		case c < ' ' || c > '~':
			b.WriteByte('?')
		default:
			b.WriteRune(c)
		}
	}
	return b.String()
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// logFailure writes what the client is not told.
func logFailure(ctx context.Context, log *slog.Logger, r *http.Request, err error) {
	attrs := []any{"method", r.Method, "path", clip(r.URL.Path), "error", err}
	var up *upstream.Error
	if errors.As(err, &up) {
		attrs = append(attrs, "cause", errors.Unwrap(up))
	}
	log.ErrorContext(ctx, "a pull failed", attrs...)
}

// addresses are what a fault's text may say about the network behind the gate.
var addresses = regexp.MustCompile(`[a-z][a-z0-9+.-]*://\S+|\blookup \S+( on \S+)?|\[[0-9a-fA-F:.%]+\](:\d+)?|\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b`)

// withoutAddresses is the text for clients; the log has it whole.
func withoutAddresses(s string) string { return addresses.ReplaceAllString(s, "…") }
