package upstream

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Kind says what an upstream's failure means for whoever asked.
type Kind int

// The kinds of failure.
const (
	Fault    Kind = iota // it is away, broken, or sent what it must not
	NotFound             // it has no such thing
	Refused              // it wants other credentials than the gate has, or hides what it does not have
	Limited              // it answers no more for now
)

func (k Kind) String() string {
	return [...]string{"fault", "not_found", "refused", "limited"}[k]
}

// Error is a failed question to an upstream. Its text may be shown to clients;
// the wrapped cause, which may name addresses, is for logs only.
type Error struct {
	Registry   string
	What       string // what was asked for: "library/nginx:1.27"
	Kind       Kind
	Reason     string        // of a Fault: one phrase without addresses
	RetryAfter time.Duration // of Limited: nothing is asked before
	Client     bool          // it was asked with a client's credential
	Anonymous  bool          // of Client: that brought none
	Status     int           // of Refused: 401 or 403
	cause      error
}

func (e *Error) Error() string {
	switch e.Kind {
	case NotFound:
		return fmt.Sprintf("%s has no %s", e.Registry, e.What)
	case Refused:
		switch {
		case e.Client && e.Anonymous:
			return fmt.Sprintf("%s refuses %s: it does not exist there, or needs credentials: log in to this gate with those of %s", e.Registry, e.What, e.Registry)
		case e.Client:
			return fmt.Sprintf("%s refuses %s to these credentials: it does not exist there, or is not for them", e.Registry, e.What)
		}
		return fmt.Sprintf("%s refuses %s: it does not exist there, or needs credentials that this gate does not have (proxy.upstreams, %s)", e.Registry, e.What, e.Registry)
	case Limited:
		return fmt.Sprintf("%s limits this gate's requests and did not give out %s", e.Registry, e.What)
	}
	return fmt.Sprintf("upstream %s failed on %s: %s", e.Registry, e.What, e.Reason)
}

// Unwrap returns the cause, for logs and errors.Is.
func (e *Error) Unwrap() error { return e.cause }

// KindOf returns the kind of an upstream failure; ok is false for other errors.
func KindOf(err error) (k Kind, ok bool) {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind, true
	}
	return 0, false
}

// status turns an answer that is not what was asked for into an error.
func (r *Registry) status(what string, who asker, resp *http.Response) *Error {
	e := &Error{
		Registry: r.Name, What: what, Client: who.client(), Anonymous: who.credential.Anonymous(), Status: resp.StatusCode,
		cause: fmt.Errorf("%s %s: %s", resp.Request.Method, bare(resp.Request.URL), resp.Status),
	}
	switch resp.StatusCode {
	case http.StatusNotFound:
		e.Kind = NotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		e.Kind = Refused
	case http.StatusTooManyRequests:
		e.Kind = Limited
	default:
		e.Reason = "it answered " + strconv.Itoa(resp.StatusCode)
	}
	return e
}

// fault turns a failure of the connection or of the token exchange into an error.
func (r *Registry) fault(what, reason string, cause error) *Error {
	var u *url.Error
	if errors.As(cause, &u) {
		// A redirect's address carries a signature that opens the blob.
		if parsed, err := url.Parse(u.URL); err == nil {
			cause = &url.Error{Op: u.Op, URL: bare(parsed), Err: u.Err}
		}
	}
	return &Error{Registry: r.Name, What: what, Reason: reason, cause: cause}
}

// bare is the address without user information and query.
func bare(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
