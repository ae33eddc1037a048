package responder

import (
	"log/slog"
	"net/http"
	"net/url"

	"github.com/sallyport-dev/sallyport/sandbox/network/recording"
)

// recorded answers what a recording has an answer for. Of a body that is not
// any more what was recorded nothing is served.
type recorded struct {
	recording *recording.Recording // nil: none
	log       *slog.Logger
}

// Where an answer came from, other than from us.
const fromRecording = "recording"

func (s recorded) answer(r *request) *answer {
	if s.recording == nil {
		return nil
	}
	response, body, ok, err := s.recording.Find(r.Method, r.url())
	if err != nil {
		s.log.Error("a recorded answer is not served", "url", r.url().Redacted(), "error", err)
		return nil
	}
	if !ok {
		return nil
	}
	a := &answer{status: response.Status, kind: "application/octet-stream", header: map[string]string{}, body: body, source: fromRecording}
	for name, value := range response.Header {
		if name = http.CanonicalHeaderKey(name); name == "Content-Type" {
			a.kind = value
		} else {
			a.header[name] = value
		}
	}
	return a
}

// url is what a request asks for, as one who typed it would write it.
func (r *request) url() *url.URL {
	u := *r.URL
	u.Scheme, u.Host, u.User, u.Fragment = "http", r.Host, nil, ""
	if r.to.TLS {
		u.Scheme = "https"
	}
	if u.Host == "" {
		u.Host = r.to.To.String()
	}
	return &u
}
