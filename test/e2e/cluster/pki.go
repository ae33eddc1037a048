package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
)

// writeServiceAccountKey makes the key that signs the tokens of service
// accounts. The API server reads SEC 1, and no PKCS #8.
func writeServiceAccountKey(dir string) (file string, _ error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return "", err
	}
	file = filepath.Join(dir, "sa.key")
	return file, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}

const kubeconfig = `apiVersion: v1
kind: Config
current-context: e2e
contexts: [{name: e2e, context: {cluster: e2e, user: %[3]s}}]
clusters: [{name: e2e, cluster: {server: %[1]q, certificate-authority: %[2]q}}]
users: [{name: %[3]s, user: {token: %[4]s}}]
`

// writeKubeconfig writes the file with which user finds the cluster and shows
// its token.
func (c *Cluster) writeKubeconfig(user, token string) (file string, _ error) {
	file = filepath.Join(c.dir, user+".kubeconfig")
	return file, os.WriteFile(file, fmt.Appendf(nil, kubeconfig, c.URL, c.CAFile, user, token), 0o600)
}
