package responder_test

import (
	"strings"
	"testing"
)

func TestKubectlUsesTheCluster(t *testing.T) {
	host, port, log := serve(t, 6443)
	server := "--server=http://" + host + ":" + port
	home := []string{"HOME=" + t.TempDir(), "KUBECONFIG="}
	if said := client(t, home, "kubectl", server, "get", "pods", "--all-namespaces"); !strings.Contains(said, "web-7d4b9c6f5-x2x7k") {
		t.Errorf("pods are %q", said)
	}
	if said := client(t, home, "kubectl", server, "get", "secrets", "--all-namespaces", "-o", "name"); !strings.Contains(said, "secret/registry") {
		t.Errorf("secrets are %q", said)
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	asked := map[string]bool{}
	for _, m := range log.messages {
		asked[m.Type] = true
	}
	if !asked["get pods"] || !asked["get secrets"] {
		t.Errorf("noted %v", asked)
	}
}
