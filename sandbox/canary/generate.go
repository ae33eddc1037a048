package canary

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/ssh"
)

const (
	upperBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	alphanum    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	base64Chars = alphanum + "+/"
)

// needleLength is long enough to be unique (119 bits of letters and digits),
// and short enough that all encodings of all needles make a small table.
const needleLength = 20

// Who a secret belongs to: using it there is what it is for.
var (
	ownerAWS        = []string{"amazonaws.com", "amazonaws.com.cn", "aws.amazon.com", "api.aws"}
	ownerDocker     = []string{"docker.io", "docker.com"}
	ownerNPM        = []string{"npmjs.org", "npmjs.com"}
	ownerGitHub     = []string{"github.com", "githubusercontent.com", "ghcr.io"}
	ownerKubernetes = []string{"kubernetes.default.svc", "kubernetes.default", "cluster.local", "10.96.0.1"}
)

func generate(rand io.Reader) ([]Secret, error) {
	g := generator{rand: rand}
	secrets := []Secret{
		g.identifier(AWSAccessKeyID, "AKIA", upperBase32, 16, ownerAWS),
		g.secret(AWSSecretAccessKey, "", base64Chars, 20, ownerAWS),
		g.identifier(IMDSAccessKeyID, "ASIA", upperBase32, 16, ownerAWS),
		g.secret(IMDSSecretKey, "", base64Chars, 20, ownerAWS),
		g.secret(IMDSSessionToken, "IQoJb3JpZ2luX2VjE", base64Chars, 300, ownerAWS),
		g.secret(DockerToken, "dckr_pat_", alphanum, 7, ownerDocker),
		g.secret(NPMToken, "npm_", alphanum, 16, ownerNPM),
		g.secret(GitToken, "ghp_", alphanum, 16, ownerGitHub),
		g.sshKey(),
		g.kubernetesToken(),
		g.secret(DatabasePassword, "", alphanum, 4, nil),
		g.secret(EnvDatabase, "", alphanum, 4, nil),
		g.secret(EnvGitHubToken, "ghp_", alphanum, 16, ownerGitHub),
		g.secret(EnvAPIKey, "sk_live_", alphanum, 4, nil),
	}
	return secrets, g.err
}

// generator remembers the first error of its random source.
type generator struct {
	rand io.Reader
	err  error
}

func (g *generator) bytes(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(g.rand, b); err != nil && g.err == nil {
		g.err = fmt.Errorf("read random bytes: %w", err)
	}
	return b
}

func (g *generator) chars(alphabet string, n int) string {
	b := g.bytes(n)
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b)
}

// secret begins with prefix and a needle; more characters of alphabet follow.
func (g *generator) secret(name, prefix, alphabet string, more int, owner []string) Secret {
	needle := g.chars(alphanum, needleLength)
	return Secret{Name: name, Value: prefix + needle + g.chars(alphabet, more), Owner: owner, needle: needle}
}

func (g *generator) identifier(name, prefix, alphabet string, n int, owner []string) Secret {
	return Secret{Name: name, Value: prefix + g.chars(alphabet, n), Owner: owner}
}

// sshKey is a real key. Its needle lies in the private half: the public one is
// meant to be given away, and the file holds it too.
func (g *generator) sshKey() Secret {
	seed := g.bytes(ed25519.SeedSize)
	block, err := ssh.MarshalPrivateKey(ed25519.NewKeyFromSeed(seed), "root@build-01")
	if err != nil {
		g.err = fmt.Errorf("ssh key: %w", err)
		return Secret{Name: SSHPrivateKey}
	}
	// The file is base64 already: the characters that the seed alone decides.
	body := base64.StdEncoding.EncodeToString(block.Bytes)
	start, _ := phase(bytes.Index(block.Bytes, seed), len(seed))
	const line = 64 // characters; an encoding of the file would have a line break in the middle
	if start/line != (start+needleLength-1)/line {
		start = (start/line + 1) * line
	}
	return Secret{Name: SSHPrivateKey, Value: string(pem.EncodeToMemory(block)), needle: body[start : start+needleLength]}
}

// kubernetesToken has the form of a service account's token (RFC 7519) with a
// signature that nobody made.
func (g *generator) kubernetesToken() Secret {
	encode := base64.RawURLEncoding.EncodeToString
	head := encode([]byte(`{"alg":"RS256","kid":"` + g.chars(alphanum, 43) + `"}`))
	claims := encode([]byte(`{"iss":"https://kubernetes.default.svc.cluster.local","sub":"system:serviceaccount:default:default",` +
		`"kubernetes.io":{"namespace":"default","serviceaccount":{"name":"default"}}}`))
	needle := g.chars(alphanum, needleLength)
	signature := needle + encode(g.bytes(240))
	return Secret{
		Name: KubernetesToken, Value: strings.Join([]string{head, claims, signature}, "."),
		Owner: ownerKubernetes, needle: needle,
	}
}
