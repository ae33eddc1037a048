package canary

import (
	"encoding/base64"
	"path"
)

// File is a secret's hiding place. It is only written where the image has no
// file of that path.
type File struct {
	Path    string // absolute
	Content []byte
	Mode    uint32 // permission bits
}

// Files are the places where a thief looks, for a guest whose home is home
// (e.g. /root). None of them makes an ordinary program behave differently
// unless it is the program that the secret is for.
func (s *Set) Files(home string) []File {
	auth := base64.StdEncoding.EncodeToString([]byte("builder:" + s.Value(DockerToken)))
	const account = "/var/run/secrets/kubernetes.io/serviceaccount"
	files := []File{
		{path.Join(home, ".aws/credentials"), text("[default]\naws_access_key_id = ", s.Value(AWSAccessKeyID),
			"\naws_secret_access_key = ", s.Value(AWSSecretAccessKey), "\n"), 0o600},
		{path.Join(home, ".docker/config.json"), text(`{"auths":{"https://index.docker.io/v1/":{"auth":"`, auth, `"}}}`, "\n"), 0o600},
		{path.Join(home, ".npmrc"), text("//registry.npmjs.org/:_authToken=", s.Value(NPMToken), "\n"), 0o600},
		{path.Join(home, ".git-credentials"), text("https://builder:", s.Value(GitToken), "@github.com\n"), 0o600},
		{path.Join(home, ".ssh/id_ed25519"), []byte(s.Value(SSHPrivateKey)), 0o600},
		{path.Join(home, ".pgpass"), text("*:5432:*:app:", s.Value(DatabasePassword), "\n"), 0o600},
		{path.Join(account, "token"), []byte(s.Value(KubernetesToken)), 0o644},
		{path.Join(account, "namespace"), []byte("default"), 0o644},
	}
	return files
}

// Environment is the variables that hold secrets, as KEY=VALUE. The image's
// own variables take precedence.
func (s *Set) Environment() []string {
	return []string{
		"DATABASE_PASSWORD=" + s.Value(EnvDatabase),
		"GITHUB_TOKEN=" + s.Value(EnvGitHubToken),
		"API_SECRET_KEY=" + s.Value(EnvAPIKey),
	}
}

func text(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}
