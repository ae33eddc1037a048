package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/test/e2e/process"
)

// Cluster is a running control plane. It is safe for concurrent use.
type Cluster struct {
	URL        string       // of the API server
	CAFile     string       // what its certificate is verified with
	Token      string       // of the administrator
	Kubeconfig string       // file of the administrator
	HTTP       *http.Client // trusts the API server; tokens are for the caller to add

	tools     Tools
	dir       string
	processes []*process.Process // in the order in which they were started
}

const adminToken = "e2e-administrator"

// Start starts a control plane that keeps everything below dir, and returns when
// it is ready for namespaces and pods.
func Start(ctx context.Context, tools Tools, dir string) (_ *Cluster, err error) {
	c := &Cluster{Token: adminToken, tools: tools, dir: dir, CAFile: filepath.Join(dir, "apiserver.crt")}
	defer func() {
		if err != nil {
			c.Stop()
		}
	}()
	var addresses [3]string
	for i := range addresses {
		if addresses[i], err = process.FreeAddress(); err != nil {
			return nil, err
		}
	}
	c.URL = "https://" + addresses[2]
	if c.Kubeconfig, err = c.writeKubeconfig("admin", adminToken); err != nil {
		return nil, err
	}
	if err := c.startEtcd(addresses[0], addresses[1]); err != nil {
		return nil, err
	}
	if err := c.startServer(ctx, addresses[0], addresses[2]); err != nil {
		return nil, err
	}
	return c, c.startControllers(ctx)
}

func (c *Cluster) startEtcd(clients, peers string) error {
	_, err := c.start("etcd",
		"--data-dir", filepath.Join(c.dir, "etcd"), "--unsafe-no-fsync", "--log-level", "warn",
		"--listen-client-urls", "http://"+clients, "--advertise-client-urls", "http://"+clients,
		"--listen-peer-urls", "http://"+peers, "--initial-advertise-peer-urls", "http://"+peers,
		"--initial-cluster", "default=http://"+peers)
	return err
}

func (c *Cluster) startServer(ctx context.Context, etcd, address string) error {
	key, err := writeServiceAccountKey(c.dir)
	if err != nil {
		return err
	}
	// What webhooks annotate their decisions with is found in the audit log alone.
	audit := filepath.Join(c.dir, "audit.yaml")
	if err := os.WriteFile(audit, []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	tokens := filepath.Join(c.dir, "tokens.csv")
	if err := os.WriteFile(tokens, []byte(adminToken+`,admin,admin,"system:masters"`+"\n"), 0o600); err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(address)
	server, err := c.start("kube-apiserver",
		"--etcd-servers=http://"+etcd, "--bind-address="+host, "--advertise-address="+host, "--secure-port="+port,
		"--endpoint-reconciler-type=none", "--cert-dir="+c.dir, "--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+key, "--service-account-signing-key-file="+key,
		"--token-auth-file="+tokens, "--authorization-mode=RBAC", "--allow-privileged=true",
		"--shutdown-delay-duration=0s",
		"--audit-policy-file="+audit, "--audit-log-path="+filepath.Join(c.dir, auditLog))
	if err != nil {
		return err
	}
	return server.Wait(ctx, func(ctx context.Context) error {
		if c.HTTP == nil {
			client, err := c.client()
			if err != nil {
				return err // the server makes its certificate first
			}
			c.HTTP = client
		}
		return process.Answers(c.HTTP, c.URL+"/readyz", adminToken)(ctx)
	})
}

// startControllers starts the controllers; a service account in the namespace
// "default" is the proof that they work.
func (c *Cluster) startControllers(ctx context.Context) error {
	controllers, err := c.start("kube-controller-manager",
		"--kubeconfig="+c.Kubeconfig, "--leader-elect=false", "--secure-port=0",
		"-v=0", "--service-account-private-key-file="+filepath.Join(c.dir, "sa.key"), "--root-ca-file="+c.CAFile,
		"--use-service-account-credentials=true")
	if err != nil {
		return err
	}
	return controllers.Wait(ctx, process.Answers(c.HTTP, c.URL+"/api/v1/namespaces/default/serviceaccounts/default", adminToken))
}

// start starts one of the tools.
func (c *Cluster) start(name string, args ...string) (*process.Process, error) {
	cmd := exec.Command(c.tools.Path(name), args...)
	cmd.Dir = c.dir
	p, err := process.Start(c.dir, name, cmd)
	if err != nil {
		return nil, err
	}
	c.processes = append(c.processes, p)
	return p, nil
}

func (c *Cluster) client() (*http.Client, error) {
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate yet", c.CAFile)
	}
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: 64,
	}}, nil
}

// Stop ends all programs, the last first. Nothing that they hold is of use later.
func (c *Cluster) Stop() {
	for i := len(c.processes) - 1; i >= 0; i-- {
		c.processes[i].Kill()
	}
	c.processes = nil
}

// Logs is the end of every program's log, for a test that has failed.
func (c *Cluster) Logs() string {
	var all strings.Builder
	for _, p := range c.processes {
		all.WriteString(p.Tail() + "\n")
	}
	return all.String()
}
