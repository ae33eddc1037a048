// Package token keeps the bearer tokens of the API: who may look, who may
// change.
//
// A person asks for a token and sees it once; what is kept is its hash, as one
// object. Requests show a token; who they are comes back. The package knows no
// HTTP. One token is special: the administrator's, in a file on the machine
// that runs the gate, made on first start.
package token

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/objects"
)

var (
	// ErrInvalid is of a token that opens nothing: unknown, revoked or expired.
	ErrInvalid = errors.New("invalid token")
	// ErrUnknown is of an id that no token has.
	ErrUnknown = errors.New("no such token")
	// ErrName is of a name or role that cannot be.
	ErrName = errors.New("not possible for a token")
)

// Role is what a token lets its bearer do.
type Role string

// The roles.
const (
	Admin  Role = "admin"  // everything
	Reader Role = "reader" // look, change nothing
	Puller Role = "puller" // pull images from the proxy; nothing of the API
)

// Token is what is known of a token; not the token itself.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"` // who or what uses it
	Role    Role      `json:"role"`
	Created time.Time `json:"created"`
	Author  string    `json:"author"` // name of the token that made it
	Expires time.Time `json:"expires,omitzero"`
}

// Administrator is the name of the token in the file.
const Administrator = "administrator"

// Config is what Tokens are made of.
type Config struct {
	Objects   *objects.Store
	AdminFile string           // the administrator's token, mode 0600; made when it is not there; "" where nobody administers
	Admin     string           // the administrator's token itself, instead of the file
	Now       func() time.Time // nil for time.Now
}

// Tokens are all tokens. It is safe for concurrent use. A token revoked is
// refused by the next request on every replica, since none is kept in memory.
type Tokens struct {
	cfg   Config
	admin *[sha256.Size]byte // nil where nobody administers
}

// Open reads the administrator's token, or makes one, if it is given a file for it.
func Open(cfg Config) (*Tokens, error) {
	if cfg.Objects == nil {
		return nil, errors.New("tokens need objects")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	t := &Tokens{cfg: cfg}
	switch {
	case cfg.Admin != "":
		if len(cfg.Admin) < minAdmin {
			return nil, fmt.Errorf("the administrator's token has %d characters: give one of at least %d random ones", len(cfg.Admin), minAdmin)
		}
		sum := sha256.Sum256([]byte(cfg.Admin))
		t.admin = &sum
	case cfg.AdminFile != "":
		text, err := adminToken(cfg.AdminFile)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256([]byte(text))
		t.admin = &sum
	}
	return t, nil
}

// record is a token as it is kept. The secret has 256 random bits, so a plain
// hash of it can neither be reversed nor guessed.
type record struct {
	Token
	Hash string `json:"sha256"` // of the whole token, hex
}

// prefix makes tokens easy to recognise for people and for scanners of leaked
// secrets. What follows is the id, an underscore and the secret.
const prefix = "sallyport_"

var names = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)

// Create makes a token and returns it with its text, which is not kept and
// cannot be had again. t's Name and Role are required; a zero Expires is never.
// Errors wrap ErrName or are the storage's.
func (t *Tokens) Create(ctx context.Context, wish Token) (Token, string, error) {
	switch {
	case !names.MatchString(wish.Name) || wish.Name == Administrator:
		return Token{}, "", fmt.Errorf("%w: the name %.70q: use 1 to 64 letters, digits and . _ @ -, and not %q", ErrName, wish.Name, Administrator)
	case wish.Role != Admin && wish.Role != Reader && wish.Role != Puller:
		return Token{}, "", fmt.Errorf("%w: the role %.70q: use %q, %q or %q", ErrName, wish.Role, Admin, Reader, Puller)
	case !wish.Expires.IsZero() && !wish.Expires.After(t.cfg.Now()):
		return Token{}, "", fmt.Errorf("%w: it would expire at %s, which is past", ErrName, wish.Expires.Format(time.RFC3339))
	}
	wish.ID = hex.EncodeToString(random(6))
	wish.Created = t.cfg.Now().UTC()
	text := prefix + wish.ID + "_" + secret()
	sum := sha256.Sum256([]byte(text))
	if err := t.cfg.Objects.PutJSON(ctx, key(wish.ID), record{wish, hex.EncodeToString(sum[:])}); err != nil {
		return Token{}, "", fmt.Errorf("keeping the token %s: %w", wish.Name, err)
	}
	return wish, text, nil
}

// Is tells by its form whether text is meant to be a token.
func Is(text string) bool { return strings.HasPrefix(text, prefix) }

// Check tells whose token text is. Errors wrap ErrInvalid or are the storage's.
func (t *Tokens) Check(ctx context.Context, text string) (Token, error) {
	sum := sha256.Sum256([]byte(text))
	if t.admin != nil && subtle.ConstantTimeCompare(sum[:], t.admin[:]) == 1 {
		return Token{ID: Administrator, Name: Administrator, Role: Admin}, nil
	}
	rest, ok := strings.CutPrefix(text, prefix)
	id, _, ok2 := strings.Cut(rest, "_")
	if !ok || !ok2 || !ids.MatchString(id) {
		return Token{}, ErrInvalid
	}
	r, err := t.read(ctx, id)
	if errors.Is(err, ErrUnknown) {
		return Token{}, ErrInvalid
	}
	if err != nil {
		return Token{}, err
	}
	kept, err := hex.DecodeString(r.Hash)
	if err != nil || subtle.ConstantTimeCompare(sum[:], kept) != 1 {
		return Token{}, ErrInvalid
	}
	if !r.Expires.IsZero() && !t.cfg.Now().Before(r.Expires) {
		return Token{}, fmt.Errorf("%w: the token %s expired at %s: ask an administrator for another", ErrInvalid, r.Name, r.Expires.Format(time.RFC3339))
	}
	return r.Token, nil
}

// List returns all tokens but the administrator's, oldest first, expired ones too.
func (t *Tokens) List(ctx context.Context) ([]Token, error) {
	keys, err := t.cfg.Objects.List(ctx, folder)
	if err != nil {
		return nil, fmt.Errorf("listing tokens: %w", err)
	}
	list := make([]Token, 0, len(keys))
	for _, k := range keys {
		r, err := t.read(ctx, strings.TrimPrefix(k, folder+"/"))
		if errors.Is(err, ErrUnknown) {
			continue // revoked meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, r.Token)
	}
	slices.SortFunc(list, func(a, b Token) int {
		if c := a.Created.Compare(b.Created); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list, nil
}

// Revoke ends the token with the id. Errors wrap ErrUnknown or are the storage's.
func (t *Tokens) Revoke(ctx context.Context, id string) error {
	if _, err := t.read(ctx, id); err != nil {
		return err
	}
	return t.cfg.Objects.Delete(ctx, key(id))
}

func (t *Tokens) read(ctx context.Context, id string) (record, error) {
	var r record
	if !ids.MatchString(id) {
		return r, fmt.Errorf("%w: %.70q", ErrUnknown, id)
	}
	err := t.cfg.Objects.GetJSON(ctx, key(id), &r)
	if errors.Is(err, objects.ErrNotFound) {
		return r, fmt.Errorf("%w: %s", ErrUnknown, id)
	}
	return r, err
}

const folder = "tokens"

var ids = regexp.MustCompile(`^[0-9a-f]{12}$`)

func key(id string) string { return folder + "/" + id }

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return b
}

func secret() string { return base64.RawURLEncoding.EncodeToString(random(32)) }
