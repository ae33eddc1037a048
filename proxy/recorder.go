package proxy

import (
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/sallyport-dev/sallyport/gate"
)

// recorder notes what was answered. It passes ReadFrom on, without which the
// kernel could not send a file by itself.
type recorder struct {
	http.ResponseWriter
	code     int // 0 until the status was sent
	sent     int64
	decision string
}

func (rec *recorder) WriteHeader(code int) {
	if rec.code == 0 {
		rec.code = code
	}
	rec.ResponseWriter.WriteHeader(code)
}

func (rec *recorder) Write(p []byte) (int, error) {
	if rec.code == 0 {
		rec.code = http.StatusOK
	}
	n, err := rec.ResponseWriter.Write(p)
	rec.sent += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (rec *recorder) ReadFrom(r io.Reader) (int64, error) {
	if rec.code == 0 {
		rec.code = http.StatusOK
	}
	n, err := io.Copy(rec.ResponseWriter, r)
	rec.sent += n
	return n, err
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

func logAccess(log *slog.Logger, r *http.Request, rt route, rec *recorder, took time.Duration) {
	decision := rec.decision
	if decision == "" {
		decision = rec.Header().Get(decisionHeader)
	}
	log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("method", r.Method), slog.String("path", clip(r.URL.Path)),
		slog.String("route", string(rt.kind)), slog.String("registry", rt.ref.Registry),
		slog.Int("status", rec.status()), slog.Int64("bytes", rec.sent), slog.Duration("took", took),
		slog.String("client", r.RemoteAddr), slog.String("agent", clip(r.UserAgent())), slog.String("decision", decision))
}
