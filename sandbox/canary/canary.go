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
	"sync/atomic"
)

// The secrets of a Set by name.
const (
	AWSAccessKeyID     = "aws_access_key_id"
	AWSSecretAccessKey = "aws_secret_access_key"
	IMDSAccessKeyID    = "imds_access_key_id" // from the cloud's metadata service
	IMDSSecretKey      = "imds_secret_access_key"
	IMDSSessionToken   = "imds_session_token"
	IMDSGoogleToken    = "imds_google_token"
	IMDSAzureToken     = "imds_azure_token"
	IMDSAlibabaToken   = "imds_alibaba_token"
	GCPPrivateKey      = "gcp_private_key"
	AzureClientSecret  = "azure_client_secret"
	DockerToken        = "docker_token"
	NPMToken           = "npm_token"
	PyPIToken          = "pypi_token"
	GitToken           = "git_token"
	VaultToken         = "vault_token"
	SSHPrivateKey      = "ssh_private_key"
	KubernetesToken    = "kubernetes_token"
	KubeconfigToken    = "kubeconfig_token"
	DatabasePassword   = "database_password"
	MySQLPassword      = "mysql_password"
	SecretFile         = "secret_file" // as engines mount it below /run/secrets
	EnvDatabase        = "env_database_password"
	EnvGitHubToken     = "env_github_token"
	EnvAPIKey          = "env_api_key"
	WalletKey          = "wallet_key"
	KeystoreKey        = "keystore_key"
	BrowserPassword    = "browser_password"
	Document           = "document"
	HostShadow         = "host_shadow" // on what looks like the host's disk
	HostSSHKey         = "host_ssh_key"
	ClusterAdminToken  = "cluster_admin_token"
)

// Set is the secrets of one run. Its secrets do not change; it is safe for concurrent use.
type Set struct {
	secrets []Secret
	texts   *matcher // nil: there are none
	masks   *matcher
	kept    atomic.Int64 // bytes of compressed things, over all streams
}

// Secret is one planted value.
type Secret struct {
	Name  string
	Value string   // as a thief would find it
	Owner []string // domain suffixes and addresses to which it may be sent; none for what only signs

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
	return &Set{secrets: secrets, texts: newMatcher(patterns(secrets)), masks: newMatcher(masked(secrets))}, nil
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
