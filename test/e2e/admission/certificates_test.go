package admission

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

// TestRotation has two replicas, which share their certificates in a Secret, go
// through a whole life of an authority in seconds while pods are made: not one
// review fails, and at no moment is a certificate shown that what the cluster
// has been told does not trust.
func TestRotation(t *testing.T) {
	t.Parallel()
	s := stage(t)
	const configuration = "e2e-rotation"
	settings := gate.Settings{
		Upstream: s.images, YAML: connected(s.Cluster),
		Webhook: "certificates: {secret: e2e-rotation, publish: [validatingwebhookconfigurations/" + configuration + "], " +
			"authority_life: 60s, leaf_life: 15s, overlap: 3s}\n",
	}
	a, b := gate.Start(t, settings), gate.Start(t, settings)
	balancer := gate.StartBalancer(t, a.Webhook, b.Webhook)
	s.gate, s.namespace = a, s.Namespace(t, a.Label())
	a.Register(t, s.Cluster, s.namespace, gate.Registration{Name: configuration, Address: balancer.Address, CA: []byte{}})

	f := s.startFlow(t, 2, 100*time.Millisecond)
	f.settle(t, 5)
	w := &witness{s: s, configuration: configuration, addresses: []string{a.Webhook, b.Webhook}, signers: map[string]bool{}, leaves: map[string]bool{}}
	for end := time.Now().Add(5 * time.Minute); !w.seenAll(); time.Sleep(500 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 5 minutes the replicas have shown %d leaves of %d authorities", len(w.leaves), len(w.signers))
		}
		w.look(t)
	}
	f.settle(t, 5)
	f.end(t)
	if len(f.retries) > 0 {
		t.Errorf("reviews failed: %v", f.retries)
	}
	t.Logf("seen: %d leaves of %d authorities", len(w.leaves), len(w.signers))
}

// witness connects as an API server does that has only just read its
// configuration.
type witness struct {
	s             *scene
	configuration string
	addresses     []string

	signers, leaves map[string]bool // serial numbers
}

func (w *witness) seenAll() bool { return len(w.signers) > 1 && len(w.leaves) > 3 }

func (w *witness) look(t testing.TB) {
	t.Helper()
	published, err := base64.StdEncoding.DecodeString(w.s.Kubectl(t, "get", "validatingwebhookconfiguration", w.configuration,
		"-o", "jsonpath={.webhooks[0].clientConfig.caBundle}").Done(t))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(published) {
		t.Fatalf("the configuration has the CA %q", published)
	}
	for _, address := range w.addresses {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 20 * time.Second}, "tcp", address, &tls.Config{RootCAs: roots})
		if err != nil {
			t.Errorf("with the CA that is published now, of %s: %v", address, err)
			continue
		}
		chain := conn.ConnectionState().VerifiedChains[0]
		w.leaves[chain[0].SerialNumber.String()] = true
		w.signers[chain[1].SerialNumber.String()] = true
		_ = conn.Close()
	}
}
