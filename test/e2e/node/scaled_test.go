package node

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/e2e/process"
)

// TestScaled: each role by itself, over a Redis with TLS and users, on the
// older containerd; it is upgraded, and loses parts, while pods are made.
func TestScaled(t *testing.T) {
	if !enter(t) {
		return
	}
	n := start(t, "/usr/bin/containerd")
	n.kubectl(t, "create", "namespace", "sallyport")
	redis := n.redis(t)
	small := "{resources: {requests: {cpu: 10m, memory: 64Mi}, limits: {memory: 1Gi}}}"
	g := n.install(t, fmt.Sprintf(`
redis: {existingSecret: redis}
trust: {secret: redis-ca}
storage: {persistence: {accessModes: [ReadWriteMany]}}
webhook: %s
console: {replicas: 1, resources: {requests: {cpu: 10m, memory: 64Mi}, limits: {memory: 1Gi}}}
`, small))
	g.walk(t)

	f := g.flow(t)
	f.settle(t)
	g.helm(t, "upgrade", "sallyport", chart, "--namespace", "sallyport", "--reuse-values", "--set", "pod.annotations.e2e=upgraded", "--wait", "--timeout", "5m")
	f.settle(t)
	if errs := f.troubles(); len(errs) > 0 {
		t.Errorf("an upgrade was noticed, %d of %d times: %s", len(errs), f.count(), errs[0])
	}

	// With Fail, what is lost costs a retry at most, and lets nothing in.
	for _, role := range []string{"webhook", "proxy", "console"} {
		processes := pids(t, role)
		if len(processes) == 0 {
			t.Fatalf("no process of the %s", role)
		}
		if err := syscall.Kill(processes[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		f.settle(t)
	}
	redis.Kill()
	f.settle(t)
	n.startRedis(t)
	f.settle(t)
	f.end(t)
	t.Logf("%d pods were asked for, %d were refused for lack of the gate and asked for again", f.count(), len(f.troubles()))
	g.uninstall(t)
}

const redisPassword = "e2e-password"

// redis starts one that speaks TLS only and knows one user, and tells the
// cluster how to reach it.
func (n *node) redis(t *testing.T) *process.Process {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.ParseIP(nodeIP)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := n.write(t, "redis/tls.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	n.write(t, "redis/tls.key", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})))
	n.write(t, "redis/users.acl", "user default off\nuser gate on >"+redisPassword+" ~* &* +@all\n")
	n.kubectl(t, "-n", "sallyport", "create", "secret", "generic", "redis", "--from-literal=url=rediss://gate:"+redisPassword+"@"+nodeIP+":6379/0")
	n.kubectl(t, "-n", "sallyport", "create", "secret", "generic", "redis-ca", "--from-file=ca.pem="+cert)
	return n.startRedis(t)
}

func (n *node) startRedis(t *testing.T) *process.Process {
	dir := n.folder(t, "redis")
	p, err := process.Start(n.folder(t, "log"), "redis", exec.Command("redis-server", "--port", "0", "--tls-port", "6379", "--bind", nodeIP, "--dir", dir, "--save", "",
		"--tls-cert-file", dir+"/tls.crt", "--tls-key-file", dir+"/tls.key", "--tls-ca-cert-file", dir+"/tls.crt", "--tls-auth-clients", "no",
		"--aclfile", dir+"/users.acl"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// flow asks for pods without a pause: by turns one that is allowed and one that
// is denied. A pod that is refused for lack of an answer is asked for again.
type flow struct {
	n    *node
	stop chan struct{}
	done sync.WaitGroup

	mu      sync.Mutex
	allowed int
	denied  int
	errs    []string // answers that were neither
	slipped []string // denied images that were let in
}

func (n *node) flow(t *testing.T) *flow {
	f := &flow{n: n, stop: make(chan struct{})}
	client := n.client()
	for range 2 {
		f.done.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-f.stop:
					return
				default:
				}
				f.ask(client, i%2 == 0)
			}
		})
	}
	t.Cleanup(func() {
		select {
		case <-f.stop:
		default:
			close(f.stop)
		}
		f.done.Wait()
	})
	return f
}

// ask makes one pod, without keeping it.
func (f *flow) ask(client *http.Client, benign bool) {
	image := map[bool]string{true: "demo.test/webserver:v1", false: "demo.test/backdoor:v1"}[benign]
	pod := fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"flow-"},"spec":{"containers":[{"name":"c","image":%q}]}}`, image)
	req, err := http.NewRequest(http.MethodPost, "https://"+nodeIP+":6443/api/v1/namespaces/shop/pods?dryRun=All", bytes.NewReader([]byte(pod)))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	code, text := 0, ""
	if resp, err := client.Do(req); err != nil {
		text = err.Error()
	} else {
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		code, text = resp.StatusCode, string(b)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case benign && code == http.StatusCreated:
		f.allowed++
	case !benign && code == http.StatusForbidden && strings.Contains(text, "denied the request"):
		f.denied++
	case !benign && code == http.StatusCreated:
		f.slipped = append(f.slipped, text)
	default:
		f.errs = append(f.errs, fmt.Sprintf("%s: %d %.400s", image, code, text))
	}
}

// settle waits until pods of both kinds have been answered as they should be,
// some more times than before.
func (f *flow) settle(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	allowed, denied := f.allowed+10, f.denied+10
	f.mu.Unlock()
	f.n.eventually(t, "pods are allowed and denied as they should be", func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.allowed < allowed || f.denied < denied {
			last := ""
			if len(f.errs) > 0 {
				last = f.errs[len(f.errs)-1]
			}
			return fmt.Errorf("%d allowed, %d denied, the last trouble: %s", f.allowed, f.denied, last)
		}
		return nil
	})
}

func (f *flow) troubles() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.errs...)
}

func (f *flow) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.allowed + f.denied + len(f.errs)
}

// end stops asking, and fails the test when something denied was let in.
func (f *flow) end(t *testing.T) {
	close(f.stop)
	f.done.Wait()
	if len(f.slipped) > 0 {
		t.Errorf("%d denied pods were let in: %s", len(f.slipped), f.slipped[0])
	}
}
