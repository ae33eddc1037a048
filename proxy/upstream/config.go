package upstream

import "github.com/google/go-containerregistry/pkg/authn"

// Config is one upstream registry. Without credentials and Keychain it is
// asked anonymously.
type Config struct {
	Registry  string         // its name in references: docker.io, registry.example.com:8443
	Endpoints []string       // URLs (https://host[:port] or http://…) tried in order; default https://<registry>
	Username  string         // sent to every endpoint of this upstream
	Password  string         // with Username
	Keychain  authn.Keychain // asked by the endpoint's host when there is no Username, e.g. authn.DefaultKeychain
}
