package canary

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
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

// Who a secret belongs to: sending it there is what it is for. What is only
// signed with, such as the secret half of an AWS key, is sent to nobody.
var (
	ownerAWS        = []string{"amazonaws.com", "amazonaws.com.cn", "aws.amazon.com", "api.aws"}
	ownerGoogle     = []string{"googleapis.com", "google.com", "gcr.io", "pkg.dev"}
	ownerAlibaba    = []string{"aliyuncs.com", "aliyun.com"}
	ownerAzure      = []string{"microsoftonline.com", "azure.com", "azure.net", "windows.net"}
	ownerDocker     = []string{"docker.io", "docker.com"}
	ownerNPM        = []string{"npmjs.org", "npmjs.com"}
	ownerPyPI       = []string{"pypi.org", "pythonhosted.org"}
	ownerGitHub     = []string{"github.com", "githubusercontent.com", "ghcr.io"}
	ownerKubernetes = []string{"kubernetes.default.svc", "kubernetes.default", "cluster.local", ClusterAddress}
	ownerVault      = []string{"vault.corp.example.net"}
)

// ClusterAddress is where the API server of a cluster usually is.
const ClusterAddress = "10.96.0.1"

func generate(rand io.Reader) ([]Secret, error) {
	g := generator{rand: rand}
	secrets := []Secret{
		g.identifier(AWSAccessKeyID, "AKIA", upperBase32, 16, ownerAWS),
		g.secret(AWSSecretAccessKey, "", base64Chars, 20, nil),
		g.identifier(IMDSAccessKeyID, "ASIA", upperBase32, 16, ownerAWS),
		g.secret(IMDSSecretKey, "", base64Chars, 20, nil),
		g.secret(IMDSSessionToken, "IQoJb3JpZ2luX2VjE", base64Chars, 300, ownerAWS),
		g.secret(IMDSGoogleToken, "ya29.c.", alphanum, 180, ownerGoogle),
		g.secret(IMDSAzureToken, "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.", alphanum, 300, ownerAzure),
		g.secret(IMDSAlibabaToken, "CAIS", base64Chars, 200, ownerAlibaba),
		g.rsaKey(GCPPrivateKey),
		g.secret(AzureClientSecret, "Qx38Q~", alphanum, 14, ownerAzure),
		g.secret(DockerToken, "dckr_pat_", alphanum, 7, ownerDocker),
		g.secret(NPMToken, "npm_", alphanum, 16, ownerNPM),
		g.secret(PyPIToken, "pypi-AgEIcHlwaS5vcmcC", alphanum, 130, ownerPyPI),
		g.secret(GitToken, "ghp_", alphanum, 16, ownerGitHub),
		g.secret(VaultToken, "hvs.CAESI", alphanum, 66, ownerVault),
		g.sshKey(SSHPrivateKey, "root@build-01"),
		g.kubernetesToken(KubernetesToken, "default", "default"),
		g.kubernetesToken(KubeconfigToken, "kube-system", "ci-deployer"),
		g.secret(DatabasePassword, "", alphanum, 4, nil),
		g.secret(MySQLPassword, "", alphanum, 4, nil),
		g.secret(SecretFile, "", alphanum, 12, nil),
		g.secret(EnvDatabase, "", alphanum, 4, nil),
		g.secret(EnvGitHubToken, "ghp_", alphanum, 16, ownerGitHub),
		g.secret(EnvAPIKey, "sk_live_", alphanum, 4, nil),
		g.secret(WalletKey, "", alphanum, 28, nil),
		g.digits(KeystoreKey, 64),
		g.secret(BrowserPassword, "MDoEEPgAAAAAAAAAAAAAAAAAAAEwFAYIKoZIhvcNAwcECN", alphanum, 21, nil),
		g.secret(Document, "", alphanum, 4, nil),
		g.secret(HostShadow, "$6$q1Zb0yT4$", alphanum, 66, nil),
		g.sshKey(HostSSHKey, "root@node-7"),
		g.kubernetesToken(ClusterAdminToken, "kube-system", "cluster-admin"),
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

// digits is a secret in hexadecimal digits.
func (g *generator) digits(name string, n int) Secret {
	value := g.chars("0123456789abcdef", n)
	return Secret{Name: name, Value: value, needle: value[:needleLength]}
}

// rsaKey has the form of a key (RFC 5208, RFC 8017 Appendix A.1.2) whose numbers are
// random: to make a real one takes longer than all else, and nobody will
// accept it anyway.
func (g *generator) rsaKey(name string) Secret {
	const half = 128 // bytes
	number := func(n int) *big.Int { return new(big.Int).SetBit(new(big.Int).SetBytes(g.bytes(n)), 8*n-1, 1) }
	key, err := asn1.Marshal(struct {
		Version                  int
		N                        *big.Int
		E                        int
		D, P, Q, Dp, Dq, Inverse *big.Int
	}{0, number(2 * half), 65537, number(2 * half), number(half), number(half), number(half), number(half), number(half)})
	if err == nil {
		key, err = asn1.Marshal(struct {
			Version   int
			Algorithm pkix.AlgorithmIdentifier
			Key       []byte
		}{0, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, Parameters: asn1.NullRawValue}, key})
	}
	if err != nil {
		g.err = fmt.Errorf("RSA key: %w", err)
		return Secret{Name: name}
	}
	body := base64.StdEncoding.EncodeToString(key)
	start := len(body) / 2 // in d
	return Secret{
		Name: name, Value: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), needle: g.plain(body, start),
	}
}

// pemLine is the length of a line of PEM, in characters (RFC 7468 §2).
const pemLine = 64

// plain is the first stretch of the body of a PEM from start on that has
// neither a line break nor a character that encoders escape.
func (g *generator) plain(body string, start int) string {
	for ; start+needleLength <= len(body); start++ {
		if left := pemLine - start%pemLine; left < needleLength { // of the line
			start += left - 1
			continue
		}
		s := body[start : start+needleLength]
		if i := strings.LastIndexAny(s, "+/"); i >= 0 {
			start += i
			continue
		}
		return s
	}
	if g.err == nil {
		g.err = errors.New("a key without a stretch of letters and digits")
	}
	return ""
}

// sshKey is a real key. Its needle lies in the private half: the public one is
// meant to be given away, and the file holds it too.
func (g *generator) sshKey(name, comment string) Secret {
	seed := g.bytes(ed25519.SeedSize)
	block, err := ssh.MarshalPrivateKey(ed25519.NewKeyFromSeed(seed), comment)
	if err != nil {
		g.err = fmt.Errorf("ssh key: %w", err)
		return Secret{Name: name}
	}
	// The file is base64 already: the characters that the seed alone decides.
	body := base64.StdEncoding.EncodeToString(block.Bytes)
	start, _ := phase(bytes.Index(block.Bytes, seed), len(seed), 6)
	// An encoding of the file would have a line break in the middle.
	if start/pemLine != (start+needleLength-1)/pemLine {
		start = (start/pemLine + 1) * pemLine
	}
	return Secret{Name: name, Value: string(pem.EncodeToMemory(block)), needle: body[start : start+needleLength]}
}

// kubernetesToken has the form of a service account's token (RFC 7519) with a
// signature that nobody made.
func (g *generator) kubernetesToken(name, namespace, account string) Secret {
	encode := base64.RawURLEncoding.EncodeToString
	head := encode([]byte(`{"alg":"RS256","kid":"` + g.chars(alphanum, 43) + `"}`))
	claims := encode([]byte(`{"iss":"https://kubernetes.default.svc.cluster.local","sub":"system:serviceaccount:` + namespace + `:` + account + `",` +
		`"kubernetes.io":{"namespace":"` + namespace + `","serviceaccount":{"name":"` + account + `"}}}`))
	needle := g.chars(alphanum, needleLength)
	signature := needle + encode(g.bytes(240))
	return Secret{
		Name: name, Value: strings.Join([]string{head, claims, signature}, "."),
		Owner: ownerKubernetes, needle: needle,
	}
}
