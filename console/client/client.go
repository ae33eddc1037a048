// Package client speaks to a console: the Go side of the REST API, for the
// commands and for programs.
//
// Names, labels and documents go in as people write them, and the console's
// documents come out. The package knows nothing of a gate beyond its API.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultServer is where `sallyport serve` has its API.
const DefaultServer = "http://127.0.0.1:8080"

// Config is what a Client needs.
type Config struct {
	Server string       // URL of the console; default DefaultServer
	Token  string       // bearer token
	HTTP   *http.Client // nil for one with a timeout of 60 s
}

// Client calls one console. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// Error is an answer of the console that is not a success.
type Error struct {
	Status  int // of HTTP
	Message string
}

func (e *Error) Error() string { return e.Message }

// maxAnswer is the largest answer that is read, in bytes: reports are the longest.
const maxAnswer = 64 << 20

// New returns a client. Nothing is asked yet.
func New(cfg Config) (*Client, error) {
	if cfg.Server == "" {
		cfg.Server = DefaultServer
	}
	base, err := url.Parse(strings.TrimRight(cfg.Server, "/"))
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, fmt.Errorf("%q is not the address of a gate's API: write http://host:port or https://host", cfg.Server)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: time.Minute}
	}
	return &Client{base, cfg.Token, cfg.HTTP}, nil
}

// call sends in as JSON and decodes the answer into out; either may be nil.
func (c *Client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	answer, err := c.send(ctx, method, path, query, body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s answered %s %s with something that is no document of a gate's API: %w", c.base, method, path, err)
	}
	return nil
}

func (c *Client) send(ctx context.Context, method, path string, query url.Values, body io.Reader) ([]byte, error) {
	answer, err := c.ask(ctx, c.http, method, path, query, body)
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	return c.readAll(answer)
}

// maxLines is the longest answer of lines that is read, in bytes: some
// kilobytes for each image that it is about.
const maxLines = 1 << 30

// lines posts in and gives each line of the answer to each as it comes, until
// that says that it was the last.
func lines[L any](ctx context.Context, c *Client, path string, in any, each func(L) (last bool, err error)) error {
	body, err := c.stream(ctx, http.MethodPost, path, in)
	if err != nil {
		return err
	}
	defer body.Close()
	answer := json.NewDecoder(io.LimitReader(body, maxLines))
	for {
		var line L
		err := answer.Decode(&line)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("the answer of %s%s broke off: %w", c.base, path, err)
		}
		if last, err := each(line); last || err != nil {
			return err
		}
	}
}

// stream sends in as JSON and returns the answer as it comes, however long it takes.
func (c *Client) stream(ctx context.Context, method, path string, in any) (io.ReadCloser, error) {
	b, err := json.Marshal(in)
	if err != nil {
		return nil, fmt.Errorf("encoding the request: %w", err)
	}
	patient := *c.http
	patient.Timeout = 0
	return c.ask(ctx, &patient, method, path, nil, bytes.NewReader(b))
}

// ask sends a request and returns the body of its answer, when it is a success.
func (c *Client) ask(ctx context.Context, with *http.Client, method, path string, query url.Values, body io.Reader) (io.ReadCloser, error) {
	address := c.base.JoinPath(path)
	address.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, method, address.String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := with.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err // the address is said already
		}
		return nil, fmt.Errorf("no gate answers at %s: %w; start one with `sallyport serve`, or name another with --server", c.base, err)
	}
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	answer, err := c.readAll(resp.Body)
	if err != nil {
		return nil, err
	}
	var failed struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(answer, &failed) != nil || failed.Message == "" {
		failed.Message = fmt.Sprintf("%s answered %s %s with %s: is it a gate's API?", c.base, method, path, resp.Status)
	}
	return nil, &Error{resp.StatusCode, failed.Message}
}

func (c *Client) readAll(body io.Reader) ([]byte, error) {
	answer, err := io.ReadAll(io.LimitReader(body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("the answer of %s broke off: %w", c.base, err)
	}
	if len(answer) > maxAnswer {
		return nil, fmt.Errorf("the answer of %s is longer than %d bytes", c.base, maxAnswer)
	}
	return answer, nil
}

// NotFound tells whether err is the console's word that something is not there.
func NotFound(err error) bool {
	var answered *Error
	return errors.As(err, &answered) && answered.Status == http.StatusNotFound
}
