// Package endpoint is the client of a sandbox service's HTTP protocol.
//
// Requests leave with the token; answers come back as foreign input: capped in
// size, checked in form, never followed elsewhere. The package decides nothing
// about them.
package endpoint

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// What can go wrong with a call. Errors of Client wrap one of these.
var (
	ErrAddress      = errors.New("not the address of a sandbox service")
	ErrUnreachable  = errors.New("the sandbox service does not answer")
	ErrUnauthorized = errors.New("the sandbox service does not accept the token")
	ErrQuota        = errors.New("the quota of runs is used up")
	ErrBusy         = errors.New("the sandbox service is busy")
	ErrNotFound     = errors.New("the sandbox service does not know the run")
	ErrRefused      = errors.New("the sandbox service refuses the request")
	ErrAnswer       = errors.New("the answer is not one of a sandbox service")
)

const (
	maxDocument = 256 << 10        // bytes of any answer but reports
	callTimeout = 30 * time.Second // of one call
	// judgeTimeout is of one judgement: the rules of authors may take their time, each.
	judgeTimeout = 3 * time.Minute
	maxMessage   = 300 // runes of an error's text that are kept
)

// Client speaks to one sandbox service. Where the address is a name of several,
// it stays with the one that it reached first: runs live in the memory of one.
// A client is for one run, so that the next can go to another. It is safe for
// concurrent use.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// New returns a client of the service at address, an https URL, or an http one
// on this machine: elsewhere the token would travel in clear text.
func New(address, token string) (*Client, error) { return NewTrusting(address, token, nil) }

// NewTrusting is New with the certificates that the service's is checked
// against; nil for the system's.
func NewTrusting(address, token string, roots *x509.CertPool) (*Client, error) {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fmt.Errorf("%w: %q: write https://host[:port]", ErrAddress, address)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%w: %q: write https://host[:port] without user, query and fragment; the token is a setting of its own", ErrAddress, u.Redacted())
	}
	if u.Scheme == "http" && !local(u.Hostname()) {
		return nil, fmt.Errorf("%w: %q: only https is used to other machines, since the token must not travel in clear text", ErrAddress, address)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = 64 << 10
	transport.ResponseHeaderTimeout = judgeTimeout // other calls have less in all
	transport.DialContext = (&loyal{lookup: net.DefaultResolver.LookupHost}).dial
	if roots != nil {
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return &Client{base: u, token: token, http: &http.Client{
		Transport: transport,
		Timeout:   callTimeout,
		// A redirect would take the token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Close ends idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// License asks whether the token is good, and what is left of its quota.
func (c *Client) License(ctx context.Context) (protocol.License, error) {
	var l protocol.License
	if err := c.call(ctx, http.MethodGet, "license", nil, &l); err != nil {
		return l, err
	}
	if !l.Valid {
		return l, fmt.Errorf("%w at %s", ErrUnauthorized, c.base)
	}
	return l, nil
}

// Start asks for a run and returns its state with its ID.
func (c *Client) Start(ctx context.Context, req protocol.RunRequest) (protocol.RunState, error) {
	var s protocol.RunState
	if err := c.call(ctx, http.MethodPost, "runs", req, &s); err != nil {
		return s, err
	}
	return s, checkState(s, s.ID)
}

// State asks how far the run id is.
func (c *Client) State(ctx context.Context, id string) (protocol.RunState, error) {
	var s protocol.RunState
	if err := c.call(ctx, http.MethodGet, "runs/"+id, nil, &s); err != nil {
		return s, err
	}
	return s, checkState(s, id)
}

// Report fetches the report of the run id, as it is: who stores it checks it.
func (c *Client) Report(ctx context.Context, id string) ([]byte, error) {
	b, err := c.exchange(ctx, http.MethodGet, "runs/"+id+"/report", nil, report.MaxSize)
	return b, err
}

// Events fetches the events of the run id: lines of JSON, compressed with gzip,
// as the sandbox wrote them.
func (c *Client) Events(ctx context.Context, id string) ([]byte, error) {
	return c.exchange(ctx, http.MethodGet, "runs/"+id+"/artifacts/"+protocol.Events, nil, protocol.MaxEvents)
}

// Observations fetches what the report of the run id was judged from: JSON,
// compressed with gzip, as the sandbox wrote it.
func (c *Client) Observations(ctx context.Context, id string) ([]byte, error) {
	return c.exchange(ctx, http.MethodGet, "runs/"+id+"/artifacts/"+protocol.Observations, nil, protocol.MaxObservations)
}

// Judge asks what the service's rules make of what Observations
// gave before. ErrRefused means that it cannot read it. The report in the answer
// is as it came: who stores it checks it.
func (c *Client) Judge(ctx context.Context, observations []byte) (protocol.Judgement, error) {
	var j protocol.Judgement
	patient := *c.http
	patient.Timeout = judgeTimeout
	b, err := c.send(ctx, &patient, http.MethodPost, "judgements", "application/gzip", observations, report.MaxSize+maxDocument)
	if err != nil {
		return j, err
	}
	if err := json.Unmarshal(b, &j); err != nil || len(j.Report) == 0 {
		return j, fmt.Errorf("%w: POST /v1/judgements: no judgement (%v)", ErrAnswer, err)
	}
	for i, f := range j.Faults {
		j.Faults[i] = Line(f)
	}
	return j, nil
}

// Delete stops the run id and has all its traces removed. A run that the
// service does not know is gone already.
func (c *Client) Delete(ctx context.Context, id string) error {
	_, err := c.exchange(ctx, http.MethodDelete, "runs/"+id, nil, maxDocument)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

func (c *Client) call(ctx context.Context, method, path string, body, answer any) error {
	b, err := c.exchange(ctx, method, path, body, maxDocument)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, answer); err != nil {
		return fmt.Errorf("%w: %s /v1/%s: %v", ErrAnswer, method, path, err)
	}
	return nil
}

func (c *Client) exchange(ctx context.Context, method, path string, body any, limit int64) ([]byte, error) {
	if body == nil {
		return c.send(ctx, c.http, method, path, "", nil, limit)
	}
	b, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encoding a request: %w", err)
	}
	return c.send(ctx, c.http, method, path, "application/json", b, limit)
}

// send sends body, which is of the kind, and reads an answer of at most limit bytes.
func (c *Client) send(ctx context.Context, with *http.Client, method, path, kind string, body []byte, limit int64) ([]byte, error) {
	var payload io.Reader
	if kind != "" {
		payload = bytes.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath("v1", path).String(), payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrAddress, err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "application/json")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := with.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return nil, c.refusal(resp)
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	case int64(len(b)) > limit:
		return nil, fmt.Errorf("%w: %s /v1/%s: more than %d bytes", ErrAnswer, method, path, limit)
	}
	return b, nil
}

// refusal is the error that an answer other than success means. What the
// service says about it is shown escaped; which error it is, the status and
// code decide.
func (c *Client) refusal(resp *http.Response) error {
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxDocument))
	var said protocol.Error
	_ = json.Unmarshal(b, &said)
	var kind error
	switch {
	case said.Code == "quota_exceeded":
		kind = ErrQuota
	case said.Code == "unauthorized" || resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		kind = ErrUnauthorized
	case said.Code == "busy" || resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		kind = ErrBusy
	case said.Code == "not_found":
		kind = ErrNotFound
	case said.Code == "invalid" || said.Code == "unsupported":
		kind = ErrRefused
	case said.Code == "":
		// A web server of another kind, which knows no codes.
		return fmt.Errorf("%w: %s answered %s", ErrAnswer, c.base, resp.Status)
	default:
		kind = ErrUnreachable
	}
	if said.Message == "" {
		return fmt.Errorf("%w at %s (%s)", kind, c.base, resp.Status)
	}
	return fmt.Errorf("%w at %s: %s", kind, c.base, Line(said.Message))
}

var runID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// checkState makes sure that the state is one of the protocol and about id:
// IDs become parts of paths, states of messages.
func checkState(s protocol.RunState, id string) error {
	if !runID.MatchString(s.ID) || s.ID != id {
		return fmt.Errorf("%w: the run's id is %.80q", ErrAnswer, s.ID)
	}
	switch s.State {
	case protocol.Queued, protocol.Pulling, protocol.Unpacking, protocol.Running, protocol.Judging, protocol.Done, protocol.Failed:
	default:
		return fmt.Errorf("%w: the run's state is %.80q", ErrAnswer, s.State)
	}
	if s.Position < 0 || s.Elapsed < 0 {
		return fmt.Errorf("%w: position %d, elapsed %v", ErrAnswer, s.Position, s.Elapsed)
	}
	return nil
}

// Line makes foreign text one short line for people.
func Line(s string) string {
	s = report.Escape(s)
	if r := []rune(s); len(r) > maxMessage {
		s = string(r[:maxMessage-1]) + "…"
	}
	return s
}
