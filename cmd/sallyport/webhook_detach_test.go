package main

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// admission is an API server that holds webhook configurations by kind/name,
// and is busy for the first requests.
func admission(t *testing.T, held map[string]bool, busy int, forbidden bool) *admissionAPI {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		what := strings.TrimPrefix(r.URL.Path, "/apis/admissionregistration.k8s.io/v1/")
		switch {
		case r.Method != http.MethodDelete || r.Header.Get("Authorization") != "Bearer of-the-pod":
			w.WriteHeader(http.StatusUnauthorized)
		case forbidden:
			w.WriteHeader(http.StatusForbidden)
		case busy > 0:
			busy--
			w.WriteHeader(http.StatusServiceUnavailable)
		case !held[what]:
			w.WriteHeader(http.StatusNotFound)
		default:
			delete(held, what)
		}
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	for file, text := range map[string]string{
		"token":  "of-the-pod\n",
		"ca.crt": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})),
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"KUBERNETES_SERVICE_HOST": u.Hostname(), "KUBERNETES_SERVICE_PORT": u.Port()}
	api, err := podAPI(func(k string) string { return env[k] }, dir)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func TestDetach(t *testing.T) {
	held := map[string]bool{
		"validatingwebhookconfigurations/sallyport": true, "mutatingwebhookconfigurations/sallyport": true,
		"validatingwebhookconfigurations/somebody-else": true,
	}
	var out strings.Builder
	if err := detach(t.Context(), admission(t, held, 3, false), []string{"sallyport", "gone-already"}, time.Millisecond, &out); err != nil {
		t.Fatal(err)
	}
	if len(held) != 1 || !held["validatingwebhookconfigurations/somebody-else"] {
		t.Errorf("left: %v", held)
	}
	if want := "deleted: validatingwebhookconfigurations sallyport\ndeleted: mutatingwebhookconfigurations sallyport\n"; out.String() != want {
		t.Errorf("said %q", out.String())
	}
}

func TestDetachSaysWhatToDoWhenItMayNot(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := detach(ctx, admission(t, nil, 0, true), []string{"sallyport"}, time.Millisecond, new(strings.Builder))
	if err == nil || !strings.Contains(err.Error(), "kubectl delete validatingwebhookconfigurations sallyport") {
		t.Errorf("the error is %v", err)
	}
}

func TestDetachOutsideAPod(t *testing.T) {
	if _, err := podAPI(func(string) string { return "" }, t.TempDir()); err == nil || !strings.Contains(err.Error(), "kubectl delete") {
		t.Errorf("the error is %v", err)
	}
}
