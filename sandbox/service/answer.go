package service

import (
	"encoding/json"
	"net/http"

	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// refuse makes an error that a client sees.
func refuse(code, message string) *protocol.Error {
	return &protocol.Error{Code: code, Message: message}
}

// status is the one place where an error's code becomes an HTTP status.
func status(code string) int {
	switch code {
	case protocol.CodeUnauthorized:
		return http.StatusUnauthorized
	case protocol.CodeQuotaExceeded:
		return http.StatusTooManyRequests
	case protocol.CodeInvalid:
		return http.StatusBadRequest
	case protocol.CodeNotFound:
		return http.StatusNotFound
	case protocol.CodeBusy:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

func (s *Service) fail(w http.ResponseWriter, e *protocol.Error) {
	s.metrics.refusals.WithLabelValues(e.Code).Inc()
	switch e.Code {
	case protocol.CodeUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="sallyport sandbox"`)
	case protocol.CodeBusy:
		w.Header().Set("Retry-After", "10")
	}
	answer(w, status(e.Code), e)
}

func answer(w http.ResponseWriter, status int, doc any) {
	body, err := json.Marshal(doc)
	if err != nil { // plain data always marshals; a NaN would not
		status, body = http.StatusInternalServerError, []byte(`{"code":"internal","message":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client is gone when this fails
}
