package upstream

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"log/slog"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Credential is what a client of the gate brought with one request, to be used
// for what this request asks of an upstream and for nothing else. The zero
// value is a client that brought none, which differs from no client at all:
// what the gate asks for its own purposes.
type Credential struct {
	Username string
	Password string
	Token    string // a bearer token of the upstream, instead of Username and Password

	IdentityToken string // with which the upstream's token service grants tokens, instead of Password
}

// Anonymous tells whether the client brought none.
func (c Credential) Anonymous() bool { return c == Credential{} }

// String hides what no log may show.
func (c Credential) String() string {
	if c.Anonymous() {
		return "no credentials"
	}
	return "credentials of a client"
}

// GoString is String.
func (c Credential) GoString() string { return c.String() }

// LogValue is String.
func (c Credential) LogValue() slog.Value { return slog.StringValue(c.String()) }

func (c Credential) authenticator() authn.Authenticator {
	if c.Anonymous() {
		return authn.Anonymous
	}
	return authn.FromConfig(authn.AuthConfig{Username: c.Username, Password: c.Password, RegistryToken: c.Token, IdentityToken: c.IdentityToken})
}

type credentialKey struct{}

// WithCredential has what is asked with the returned context be asked with c,
// at upstreams with Config.Client.
func WithCredential(ctx context.Context, c Credential) context.Context {
	return context.WithValue(ctx, credentialKey{}, c)
}

// CredentialOf returns the client's credential that ctx has.
func CredentialOf(ctx context.Context) (c Credential, ok bool) {
	c, ok = ctx.Value(credentialKey{}).(Credential)
	return c, ok
}

// Carry gives to the credential that from has, if it has one: for work that
// outlives a request but belongs to it.
func Carry(to, from context.Context) context.Context {
	if c, ok := CredentialOf(from); ok {
		return WithCredential(to, c)
	}
	return to
}

// asker is who asks an upstream: the gate itself, or one client's credential.
type asker struct {
	id         string // names the credential without telling it; "" for the gate
	credential Credential
}

func (a asker) client() bool { return a.id != "" }

// asker tells who asks with ctx.
func (r *Registry) asker(ctx context.Context) asker {
	c, ok := CredentialOf(ctx)
	if !r.client || !ok {
		return asker{}
	}
	mac := hmac.New(sha256.New, r.secret)
	for _, part := range []string{r.Name, c.Username, c.Password, c.Token, c.IdentityToken} {
		_ = binary.Write(mac, binary.BigEndian, uint64(len(part)))
		mac.Write([]byte(part))
	}
	return asker{id: hex.EncodeToString(mac.Sum(nil)[:16]), credential: c}
}

// Client returns a name for the client's credential in ctx that tells nothing
// about it and holds for this process; ok is false when the gate itself asks,
// or the upstream does not take clients' credentials.
func (r *Registry) Client(ctx context.Context) (id string, ok bool) {
	a := r.asker(ctx)
	return a.id, a.client()
}

// TakesCredentials tells whether clients' own credentials are passed on.
func (r *Registry) TakesCredentials() bool { return r.client }

func newSecret() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return b
}
