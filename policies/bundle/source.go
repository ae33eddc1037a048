package bundle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Config is where a bundle comes from.
type Config struct {
	URL      string // a file's path or file:// URL, https://…, or oci://registry/repository:tag
	Keys     KeySettings
	Poll     time.Duration // how often to look; default one minute
	Token    string        // bearer token
	Username string        // basic credentials
	Password string
	CA       string        // file of certificates that are trusted besides the system's
	Timeout  time.Duration // of one look; default one minute
}

// Source is one place that a bundle is fetched from. It is safe for
// concurrent use.
type Source struct {
	cfg   Config
	fetch fetcher
}

// Fetched is an archive that was fetched, and the mark of its version: an
// entity tag, a digest or a hash.
type Fetched struct {
	Bytes []byte
	Mark  string
}

// ErrUnchanged is returned by Fetch when there is nothing new.
var ErrUnchanged = errors.New("the bundle has not changed")

// fetcher fetches what is newer than mark, or returns ErrUnchanged.
type fetcher interface {
	fetch(ctx context.Context, mark string) (Fetched, error)
}

// New returns the source that cfg describes. Nothing is fetched yet.
func New(cfg Config) (*Source, error) {
	if cfg.Poll <= 0 {
		cfg.Poll = time.Minute
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = time.Minute
	}
	s := &Source{cfg: cfg}
	scheme, rest, remote := strings.Cut(cfg.URL, "://")
	var err error
	switch {
	case cfg.URL == "":
		err = errors.New("has no URL")
	case !remote:
		s.fetch = fromFile(cfg.URL)
	case scheme == "file":
		s.fetch = fromFile(rest)
	case scheme == "https" || scheme == "http":
		s.fetch, err = newFromWeb(cfg)
	case scheme == "oci":
		s.fetch, err = newFromRegistry(cfg, rest)
	default:
		err = fmt.Errorf("has the scheme %q: write a path, https://… or oci://…", scheme)
	}
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", s.Name(), err)
	}
	return s, nil
}

// Name is the URL without what may be secret in it.
func (s *Source) Name() string {
	u, err := url.Parse(s.cfg.URL)
	if err != nil || u.Scheme == "" {
		return s.cfg.URL
	}
	u.RawQuery, u.User = "", nil
	return u.String()
}

// ID tells sources apart that have one Name, and is no secret.
func (s *Source) ID() string {
	sum := sha256.Sum256([]byte(s.cfg.URL))
	return hex.EncodeToString(sum[:8])
}

// Poll is how often to look.
func (s *Source) Poll() time.Duration { return s.cfg.Poll }

// Fetch returns what is there now, or ErrUnchanged when that is what mark
// stands for; "" stands for nothing. It takes no longer than Config.Timeout.
func (s *Source) Fetch(ctx context.Context, mark string) (Fetched, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.cfg.Timeout, fmt.Errorf("it took longer than %s", s.cfg.Timeout))
	defer cancel()
	f, err := s.fetch.fetch(ctx, mark)
	if err != nil && !errors.Is(err, ErrUnchanged) {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
			err = fmt.Errorf("%w: %w", cause, err)
		}
		return f, fmt.Errorf("bundle %s: %w", s.Name(), err)
	}
	return f, err
}

// Read reads an archive that was fetched, by the keys as they are now.
func (s *Source) Read(raw []byte) (Contents, error) {
	keys, err := s.cfg.Keys.Load()
	if err == nil {
		var c Contents
		if c, err = Read(raw, keys); err == nil {
			return c, nil
		}
	}
	return Contents{}, fmt.Errorf("bundle %s: %w", s.Name(), err)
}

// RetryError is a failure whose server says when to come back.
type RetryError struct {
	Err   error
	After time.Duration
}

func (e *RetryError) Error() string { return e.Err.Error() }

// Unwrap returns the failure.
func (e *RetryError) Unwrap() error { return e.Err }
