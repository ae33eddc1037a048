package keychain

import (
	"fmt"
	"os"

	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/types"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// dockerFile is a file in the format of Docker's config.json, read each time.
type dockerFile string

// Resolve implements authn.Keychain. Credential helpers that the file names are
// run as docker-credential-NAME.
func (d dockerFile) Resolve(r authn.Resource) (authn.Authenticator, error) {
	f, err := os.Open(string(d))
	if err != nil {
		return nil, fmt.Errorf("docker_config: %w", err)
	}
	defer f.Close()
	file, err := config.LoadFromReader(f)
	if err != nil {
		return nil, fmt.Errorf("docker_config %s: %w", string(d), err)
	}
	key := r.RegistryStr()
	if key == name.DefaultRegistry {
		key = authn.DefaultAuthKey
	}
	a, err := file.GetAuthConfig(key)
	if err != nil {
		return nil, fmt.Errorf("docker_config %s, %s: %w", string(d), key, err)
	}
	a.ServerAddress = ""
	if a == (types.AuthConfig{}) {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{
		Username: a.Username, Password: a.Password, Auth: a.Auth, IdentityToken: a.IdentityToken, RegistryToken: a.RegistryToken,
	}), nil
}
