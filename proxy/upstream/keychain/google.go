package keychain

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	gcr "github.com/google/go-containerregistry/pkg/v1/google"
)

// google is go-containerregistry's keychain for Google, but it tries again
// after the machine's identity was not to be had, which that takes for none
// until the process ends.
type google struct {
	mu   sync.Mutex
	auth authn.Authenticator // renews its token by itself
}

// Resolve implements authn.Keychain.
func (g *google) Resolve(r authn.Resource) (authn.Authenticator, error) {
	host := r.RegistryStr()
	if host != "gcr.io" && !strings.HasSuffix(host, ".gcr.io") && !strings.HasSuffix(host, ".pkg.dev") {
		return authn.Anonymous, nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.auth != nil {
		return g.auth, nil
	}
	// The token source lives on: it must not end with a request.
	auth, err := gcr.NewEnvAuthenticator(context.Background())
	if err != nil {
		fromTool, terr := gcr.NewGcloudAuthenticator(context.Background())
		if terr != nil || fromTool == authn.Anonymous {
			return nil, fmt.Errorf("finding Google's application default credentials for %s: %w", host, err)
		}
		auth = fromTool
	}
	g.auth = auth
	return auth, nil
}
