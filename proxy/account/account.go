package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// ErrRefused is wrapped for credentials that open nothing. The text may be
// shown to who sent them.
var ErrRefused = errors.New("the user name or password is wrong")

// ErrForbidden is wrapped for credentials that are right, but not for pulling.
var ErrForbidden = errors.New("these credentials are not for pulling")

// LimitedError is of a client that was wrong too often.
type LimitedError struct{ After time.Duration } // when it may try again

func (e *LimitedError) Error() string {
	return fmt.Sprintf("too many wrong credentials from this address: try again in %s", e.After.Round(time.Second))
}

// Tokens knows the gate's own tokens.
type Tokens interface {
	// Is tells by its form whether text is meant to be a token.
	Is(text string) bool
	// Check returns the name of who uses the token to pull. Errors wrap
	// ErrRefused or ErrForbidden, or are faults of the storage.
	Check(ctx context.Context, text string) (name string, err error)
}

// Config is what Accounts are made of: at least one of File and Tokens.
type Config struct {
	File   string       // htpasswd with bcrypt hashes; read again when it changes
	Tokens Tokens       // nil: none
	Log    *slog.Logger // nil for slog.Default()

	now func() time.Time // tests turn the clock; nil for time.Now
}

const (
	passwordFor = 10 * time.Minute // a right password is not checked again, unless the file changes
	tokenFor    = 10 * time.Second // within which a token that was revoked is refused
	rememberFor = 1 << 14          // credentials, and clients that were wrong
	// Who is wrong gets a few tries, then one every so often.
	wrongTries = 10
	wrongEvery = 6 * time.Second
)

// Accounts checks credentials. It is safe for concurrent use.
type Accounts struct {
	cfg    Config
	file   *file // nil without one
	secret []byte

	right    *lru.Cache[[sha256.Size]byte, verified] // by what was shown, keyed with secret
	wrong    *lru.Cache[string, *rate.Limiter]       // by client
	checking singleflight.Group
	slots    chan struct{} // bounds the processors that wrong passwords can take
}

// verified are credentials that were right.
type verified struct {
	name       string
	generation uint64 // of the file
	until      time.Time
}

// Open reads the file, if there is one. Errors name its line and the way out.
func Open(cfg Config) (*Accounts, error) {
	if cfg.File == "" && cfg.Tokens == nil {
		return nil, errors.New("accounts need a file of passwords or tokens")
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.now == nil {
		cfg.now = time.Now
	}
	a := &Accounts{cfg: cfg, secret: make([]byte, 32), slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
	_, _ = rand.Read(a.secret) // never fails (crypto/rand)
	var err error
	if cfg.File != "" {
		if a.file, err = openFile(cfg.File, cfg.Log, cfg.now); err != nil {
			return nil, err
		}
	}
	if a.right, err = lru.New[[sha256.Size]byte, verified](rememberFor); err != nil {
		return nil, err
	}
	a.wrong, err = lru.New[string, *rate.Limiter](rememberFor)
	return a, err
}

// Password returns the name of the user whose password this is. A token may
// stand for the password, whatever the user name; then the token's name is
// returned. client is whom wrong tries are counted for. Errors wrap
// ErrRefused or ErrForbidden, are a *LimitedError, or are faults.
func (a *Accounts) Password(ctx context.Context, client, user, password string) (string, error) {
	if a.cfg.Tokens != nil && a.cfg.Tokens.Is(password) {
		return a.Token(ctx, client, password)
	}
	if a.file == nil {
		return "", fmt.Errorf("%w: this gate takes tokens only, as the password", ErrRefused)
	}
	users := a.file.users()
	return a.check(ctx, client, a.key("password", user, password), users.generation, passwordFor, func(ctx context.Context) (string, error) {
		select {
		case a.slots <- struct{}{}:
			defer func() { <-a.slots }()
		case <-ctx.Done():
			return "", ctx.Err()
		}
		if !users.right(user, password) {
			return "", ErrRefused
		}
		return user, nil
	})
}

// Token returns the name of the token's bearer; errors are as of Password.
func (a *Accounts) Token(ctx context.Context, client, text string) (string, error) {
	if a.cfg.Tokens == nil || !a.cfg.Tokens.Is(text) {
		return "", fmt.Errorf("%w: the token is not valid, or has expired", ErrRefused)
	}
	return a.check(ctx, client, a.key("token", "", text), 0, tokenFor, func(ctx context.Context) (string, error) {
		return a.cfg.Tokens.Check(ctx, text)
	})
}

// check looks the credentials up, else asks once for all who show them now.
func (a *Accounts) check(ctx context.Context, client string, key [sha256.Size]byte, generation uint64, keep time.Duration, ask func(context.Context) (string, error)) (string, error) {
	if v, ok := a.right.Get(key); ok && v.generation == generation && a.cfg.now().Before(v.until) {
		return v.name, nil
	}
	// The flight goes on when the one who began it leaves.
	flight := a.checking.DoChan(client+" "+string(key[:]), func() (any, error) {
		try, err := a.try(client)
		if err != nil {
			return "", err
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		name, err := ask(ctx)
		if !errors.Is(err, ErrRefused) {
			try.forget()
		}
		if err == nil {
			a.right.Add(key, verified{name, generation, a.cfg.now().Add(keep)})
		}
		return name, err
	})
	select {
	case r := <-flight:
		if r.Err != nil {
			return "", r.Err
		}
		return r.Val.(string), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// key stands for credentials in memory: who reads it learns nothing, and how
// long looking it up takes tells nothing.
func (a *Accounts) key(kind, user, secret string) (sum [sha256.Size]byte) {
	mac := hmac.New(sha256.New, a.secret)
	fmt.Fprintf(mac, "%s %d %s %s", kind, len(user), user, secret)
	mac.Sum(sum[:0])
	return sum
}

// try is one try that counts as wrong until it is forgotten.
type try struct {
	taken *rate.Reservation
	at    time.Time
}

func (t try) forget() { t.taken.CancelAt(t.at) }

func (a *Accounts) try(client string) (try, error) {
	fresh := rate.NewLimiter(rate.Every(wrongEvery), wrongTries)
	limit, ok, _ := a.wrong.PeekOrAdd(client, fresh)
	if ok {
		a.wrong.Get(client) // counts as use
	} else {
		limit = fresh
	}
	now := a.cfg.now()
	r := limit.ReserveN(now, 1)
	if wait := r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return try{}, &LimitedError{After: wait}
	}
	return try{r, now}, nil
}
