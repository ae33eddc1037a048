package system

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	admission "k8s.io/api/admission/v1"
)

// theWebhookAgrees sends recorded AdmissionReviews over TLS, as an API server
// does, with the images' digests put in.
func theWebhookAgrees(t *testing.T, g *theGate, good, bad v1.Image) {
	t.Helper()
	client := webhookClient(t, g)
	for _, c := range []struct {
		recorded string
		image    v1.Image
		name     string
		allowed  bool
	}{
		{"pod.json", good, "demo/good", true},
		{"pod.json", bad, "demo/bad", false},
		{"deployment.json", good, "demo/good", true},
		{"deployment.json", bad, "demo/bad", false},
		{"cronjob.json", bad, "demo/bad", false},
	} {
		digest, err := c.image.Digest()
		if err != nil {
			t.Fatal(err)
		}
		// Named through the gate and directly: both mean the same image.
		for _, name := range []string{g.image(c.name) + "@" + digest.String(), "upstream.test/" + c.name + ":DTA"} {
			answer := review(t, client, g, c.recorded, name)
			if answer.Allowed != c.allowed {
				t.Errorf("%s with %s: allowed is %v: %+v", c.recorded, name, answer.Allowed, answer.Result)
				continue
			}
			if c.allowed {
				continue
			}
			if answer.Result.Code != http.StatusForbidden {
				t.Errorf("%s with %s: the code is %d", c.recorded, name, answer.Result.Code)
			}
			for _, want := range []string{"upstream.test/" + c.name, digest.String(), `"DTA"`, "dta", "shell", "decision "} {
				if !strings.Contains(answer.Result.Message, want) {
					t.Errorf("%s with %s: the message does not contain %q: %s", c.recorded, name, want, answer.Result.Message)
				}
			}
		}
	}
}

// webhookClient trusts the webhook's own CA, and nothing else.
func webhookClient(t *testing.T, g *theGate) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(g.data, "webhook", "ca.crt"))
	if err != nil {
		t.Fatalf("the webhook left no CA: %v", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("the webhook's CA is no certificate:\n%s", pem)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 2 * time.Minute}
}

func review(t *testing.T, client *http.Client, g *theGate, recorded, image string) *admission.AdmissionResponse {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", recorded))
	if err != nil {
		t.Fatal(err)
	}
	body := bytes.ReplaceAll(raw, []byte("IMAGE"), []byte(image))
	resp, err := client.Post("https://"+g.webhook+"/validate?timeout=30s", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer admission.AdmissionReview
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Response == nil {
		t.Fatalf("%s: status %s, %v", recorded, resp.Status, err)
	}
	return answer.Response
}
