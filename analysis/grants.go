package analysis

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/objects"
)

// Grants are bearer tokens with which a sandbox fetches one image, and nothing
// else. They need no storage but the key, so that every replica of the proxy
// knows every token. It is safe for concurrent use.
type Grants struct {
	key []byte
	now func() time.Time
}

const (
	grantsKey   = "secrets/grants"
	grantPrefix = "spg1." // Sallyport grant, first form; found in leaks by this
	keyBytes    = 32
	maxGrant    = 4096 // bytes of a token that are looked at
)

// NewGrants returns the grants of the key kept in store, which is made when
// there is none. Who can read that object can fetch images; who can read the
// storage can read them anyway.
func NewGrants(ctx context.Context, store *objects.Store) (*Grants, error) {
	key, err := store.Get(ctx, grantsKey)
	if errors.Is(err, objects.ErrNotFound) {
		key = make([]byte, keyBytes)
		if _, err := rand.Read(key); err != nil {
			return nil, fmt.Errorf("making the key of grants: %w", err)
		}
		if err := store.Put(ctx, grantsKey, key); err != nil {
			return nil, err
		}
		// Several replicas may start at once: the key that stayed is everybody's.
		key, err = store.Get(ctx, grantsKey)
	}
	if err != nil {
		return nil, err
	}
	if len(key) != keyBytes {
		return nil, fmt.Errorf("object %s is damaged: %d bytes instead of %d; remove it and restart", grantsKey, len(key), keyBytes)
	}
	return &Grants{key: key, now: time.Now}, nil
}

// grant is what a token says.
type grant struct {
	Registry   string        `json:"r"`
	Repository string        `json:"p"`
	Digest     digest.Digest `json:"d"`
	Expires    int64         `json:"e"` // Unix seconds
}

// Mint returns a token that opens the manifest ref, which has a digest, and the
// blobs that it names, for ttl.
func (g *Grants) Mint(ref image.Reference, ttl time.Duration) (string, error) {
	if err := ref.Digest.Validate(); err != nil {
		return "", fmt.Errorf("a grant needs a digest: %s: %w", ref, err)
	}
	body, err := json.Marshal(grant{ref.Registry, ref.Repository, ref.Digest, g.now().Add(ttl).Unix()})
	if err != nil {
		return "", fmt.Errorf("encoding a grant: %w", err)
	}
	text := grantPrefix + base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(g.sign(text)), nil
}

// Check returns the image, with its digest, that token opens now.
func (g *Grants) Check(token string) (image.Reference, bool) {
	i := strings.LastIndexByte(token, '.')
	if len(token) > maxGrant || i < 0 || !strings.HasPrefix(token, grantPrefix) {
		return image.Reference{}, false
	}
	// Strict: otherwise several texts would be the same token.
	sum, err := base64.RawURLEncoding.Strict().DecodeString(token[i+1:])
	if err != nil || !hmac.Equal(sum, g.sign(token[:i])) {
		return image.Reference{}, false
	}
	body, err := base64.RawURLEncoding.Strict().DecodeString(token[len(grantPrefix):max(i, len(grantPrefix))])
	var said grant
	if err != nil || json.Unmarshal(body, &said) != nil || !g.now().Before(time.Unix(said.Expires, 0)) {
		return image.Reference{}, false
	}
	return image.Reference{Registry: said.Registry, Repository: said.Repository, Digest: said.Digest}, true
}

func (g *Grants) sign(text string) []byte {
	mac := hmac.New(sha256.New, g.key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
