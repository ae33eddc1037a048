package analysis_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/internal/sandboxtest"
)

// TestTrust: an endpoint whose certificate the system does not know works once
// its authority is in the file, which is read when it is needed.
func TestTrust(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"valid": true, "plan": "tls"}`))
	}))
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.crt")
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		settings := start(t, disk(t), connect(), sandboxtest.Start(t), options{idle: true}).settings
		set := analysis.Settings{Enabled: true, Endpoint: server.URL, Token: sandboxtest.Token}
		check := func(want string) {
			t.Helper()
			l, err := settings.Check(t.Context(), set)
			if want == "" && (err != nil || l.Plan != "tls") {
				t.Errorf("Check = %+v, %v", l, err)
			}
			if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("Check: %v, want an error about %q", err, want)
			}
		}
		check("certificate")
		settings.Trust(ca)
		_ = os.Remove(ca)
		check("analysis.ca")
		for text, want := range map[string]string{
			"none": "no certificate",
			string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})): "",
		} {
			if err := os.WriteFile(ca, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			check(want)
		}
	})
}
