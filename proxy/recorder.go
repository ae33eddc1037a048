package proxy

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/sallyport-dev/sallyport/gate"
)

// recorder notes what was answered, and bounds how slowly it is taken.
type recorder struct {
	http.ResponseWriter
	code     int // 0 until the status was sent
	sent     int64
	decision string
	pace     pace
}

func newRecorder(w http.ResponseWriter, limits Limits) *recorder {
	rec := &recorder{ResponseWriter: w, pace: pace{limits: limits}}
	rec.pace.writer, _ = w.(interface{ SetWriteDeadline(time.Time) error })
	return rec
}

func (rec *recorder) WriteHeader(code int) {
	if rec.code == 0 {
		rec.code = code
		rec.pace.allow(0)
	}
	rec.ResponseWriter.WriteHeader(code)
}

func (rec *recorder) Write(p []byte) (int, error) {
	rec.begin()
	if len(p) > chunkSize {
		rec.pace.allow(int64(len(p)))
	}
	n, err := rec.ResponseWriter.Write(p)
	rec.sent += int64(n)
	return n, err
}

// begin notes that a body is sent without WriteHeader having been called.
func (rec *recorder) begin() {
	if rec.code == 0 {
		rec.code = http.StatusOK
		rec.pace.allow(0)
	}
}

// Unwrap is for http.ResponseController.
func (rec *recorder) Unwrap() http.ResponseWriter { return rec.ResponseWriter }

func (rec *recorder) status() int {
	if rec.code == 0 {
		return http.StatusOK
	}
	return rec.code
}

// decided sets the headers of a decision that lets pass.
func (rec *recorder) decided(d gate.Decision) {
	rec.decision = d.ID
	if d.ID != "" {
		rec.Header().Set(decisionHeader, d.ID)
	}
	warn(rec.Header(), d.Warnings)
}

// logAccess writes a line about the request; via is a trusted proxy's address, if
// it came through one.
func logAccess(log *slog.Logger, r *http.Request, via string, rt route, who requester, rec *recorder, took time.Duration) {
	decision := rec.decision
	if decision == "" {
		decision = rec.Header().Get(decisionHeader)
	}
	client := slog.String("client", r.RemoteAddr)
	if via != "" {
		client = slog.Group("", slog.String("client", who.address), slog.String("via", via))
	}
	log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("method", r.Method), slog.String("path", clip(r.URL.Path)),
		slog.String("route", string(rt.kind)), slog.String("registry", rt.ref.Registry),
		slog.Int("status", rec.status()), slog.Int64("bytes", rec.sent), slog.Duration("took", took),
		client, slog.String("user", who.user), slog.String("agent", clip(r.UserAgent())), slog.String("decision", decision))
}
