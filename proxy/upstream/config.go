package upstream

import (
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Config is one upstream registry. Without credentials and Keychain it is
// asked anonymously.
type Config struct {
	Registry  string                    // its name in references: docker.io, registry.example.com:8443
	Endpoints []string                  // URLs (https://host[:port] or http://…) tried in order; default https://<registry>
	Settings  map[string]EndpointConfig // of those of Endpoints that need more than their URL, by URL
	Username  string                    // sent to every endpoint of this upstream that has no credentials of its own
	Password  string                    // with Username
	Keychain  authn.Keychain            // asked by the endpoint's host when there is no Username

	// Client has the credentials that a client of the gate brings decide what
	// this client sees: see Credential. The gate's own credentials, if any,
	// serve the gate itself only.
	Client bool

	TokenHosts []string      // hosts of token services that lie outside the endpoints' own domains
	Requests   int           // at the same time, all endpoints together; default 128
	Timeout    time.Duration // until an answer begins; default 20 s
}

// EndpointConfig is how one endpoint is reached.
type EndpointConfig struct {
	CAFile   string // PEM file of the authorities that are trusted for this endpoint, instead of the system's
	CertFile string // PEM files of the certificate that the gate shows; read again for every connection
	KeyFile  string
	Insecure bool // do not check the endpoint's certificate
	Username string
	Password string
}

func (c Config) withDefaults() Config {
	if c.Requests <= 0 {
		c.Requests = 128
	}
	if c.Timeout <= 0 {
		c.Timeout = 20 * time.Second
	}
	return c
}
