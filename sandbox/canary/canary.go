// Package canary makes the secrets that are planted in a sandbox for a thief to
// take, and finds them again in what leaves.
//
// Randomness goes in; files and variables that hold unique secrets come out,
// and for each stream of bytes that leaves the sandbox, which of them it
// carried and how they were encoded. A secret is good for nothing: no account
// has it. The package does no input or output and knows no network.
package canary

import (
	"fmt"
	"io"
	"slices"
)

// The secrets of a Set by name.
const (
	AWSAccessKeyID     = "aws_access_key_id"
	AWSSecretAccessKey = "aws_secret_access_key"
	IMDSAccessKeyID    = "imds_access_key_id" // from the cloud's metadata service
	IMDSSecretKey      = "imds_secret_access_key"
	IMDSSessionToken   = "imds_session_token"
	DockerToken        = "docker_token"
	NPMToken           = "npm_token"
	GitToken           = "git_token"
	SSHPrivateKey      = "ssh_private_key"
	KubernetesToken    = "kubernetes_token"
	DatabasePassword   = "database_password"
	EnvDatabase        = "env_database_password"
	EnvGitHubToken     = "env_github_token"
	EnvAPIKey          = "env_api_key"
)

// Set is the secrets of one run. It does not change and is safe for concurrent use.
type Set struct {
	secrets []Secret
	matcher *matcher
}

// Secret is one planted value.
type Secret struct {
	Name  string
	Value string   // as a thief would find it
	Owner []string // domain suffixes and addresses to which it belongs

	// needle is the part that is searched for: random, free of characters that
	// encoders escape. Empty for an identifier, which is no secret: an SDK
	// sends it to every endpoint that it is told to use.
	needle string
}

// New makes a fresh set from rand.
func New(rand io.Reader) (*Set, error) {
	secrets, err := generate(rand)
	if err != nil {
		return nil, fmt.Errorf("make canary secrets: %w", err)
	}
	return &Set{secrets: secrets, matcher: newMatcher(secrets)}, nil
}

// Secrets lists all of them.
func (s *Set) Secrets() []Secret { return slices.Clone(s.secrets) }

// Value is the value of the named secret, "" when there is none.
func (s *Set) Value(name string) string {
	for _, secret := range s.secrets {
		if secret.Name == name {
			return secret.Value
		}
	}
	return ""
}
