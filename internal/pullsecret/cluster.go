package pullsecret

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// accountDir is where Kubernetes mounts a pod's service account.
const accountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// maxAnswer bounds what the API server may answer, in bytes: a secret has at
// most 1 MiB, and base64 makes it a third larger.
const maxAnswer = 4 << 20

// ErrNotFound is wrapped when there is no such secret or service account.
var ErrNotFound = errors.New("not found in the cluster")

// Cluster is the API server of a cluster. It is safe for concurrent use.
type Cluster struct {
	Namespace string // the gate's own

	server    *url.URL
	tokenFile string // read each time: it expires
	client    *http.Client
}

// InCluster returns the cluster that this process runs in.
func InCluster() (*Cluster, error) { return open(os.Getenv, accountDir) }

func open(getenv func(string) string, dir string) (*Cluster, error) {
	host, port := getenv("KUBERNETES_SERVICE_HOST"), getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("this is no pod of a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set")
	}
	namespace, err := os.ReadFile(filepath.Join(dir, "namespace"))
	if err != nil {
		return nil, fmt.Errorf("the pod's service account: %w; set automountServiceAccountToken", err)
	}
	ca, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("the pod's service account: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", filepath.Join(dir, "ca.crt"))
	}
	return &Cluster{
		Namespace: strings.TrimSpace(string(namespace)),
		server:    &url.URL{Scheme: "https", Host: net.JoinHostPort(host, port)},
		tokenFile: filepath.Join(dir, "token"),
		client: &http.Client{
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
				TLSHandshakeTimeout: 5 * time.Second, IdleConnTimeout: 90 * time.Second, ForceAttemptHTTP2: true,
			},
		},
	}, nil
}

// Secret returns a secret, or an error that wraps ErrNotFound.
func (c *Cluster) Secret(ctx context.Context, namespace, name string) (*corev1.Secret, error) {
	s := new(corev1.Secret)
	return s, c.get(ctx, "secrets", namespace, name, s)
}

// ServiceAccount returns a service account, or an error that wraps ErrNotFound.
func (c *Cluster) ServiceAccount(ctx context.Context, namespace, name string) (*corev1.ServiceAccount, error) {
	s := new(corev1.ServiceAccount)
	return s, c.get(ctx, "serviceaccounts", namespace, name, s)
}

func (c *Cluster) get(ctx context.Context, kind, namespace, name string, into any) error {
	what := fmt.Sprintf("%s %s/%s", strings.TrimSuffix(kind, "s"), namespace, name)
	token, err := os.ReadFile(c.tokenFile)
	if err != nil {
		return fmt.Errorf("reading the %s: %w", what, err)
	}
	u := c.server.JoinPath("api", "v1", "namespaces", url.PathEscape(namespace), kind, url.PathEscape(name))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	req.Header.Set("Accept", "application/json")
	resp, err := c.client.Do(req)
	if err != nil {
		return fmt.Errorf("reading the %s: %w", what, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return fmt.Errorf("%w: the %s", ErrNotFound, what)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("the gate's service account may not read the %s: give it a Role with get on %s", what, kind)
	default:
		return fmt.Errorf("reading the %s: the API server answered %s", what, resp.Status)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(into); err != nil {
		// Decoding errors quote what they cannot read.
		return fmt.Errorf("reading the %s: the API server's answer is not readable", what)
	}
	return nil
}
