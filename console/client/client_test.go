package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/client"
	"github.com/sallyport-dev/sallyport/console/token"
	"github.com/sallyport-dev/sallyport/internal/gatetest"
)

func TestListsAreReadToTheirEnd(t *testing.T) {
	w := gatetest.Start(t)
	file := filepath.Join(t.TempDir(), "admin.token")
	tokens, err := token.Open(token.Config{Objects: w.Objects, AdminFile: file})
	if err != nil {
		t.Fatal(err)
	}
	c, err := console.New(console.Config{Logger: gatetest.Quiet}, console.Parts{
		Gate: w.Gate, Permissions: w.Gate.Permissions(), Risks: w.Gate.Risks(), Labels: w.Labels, Policies: gatetest.Policies{Library: w.Library},
		Verdicts: w.Verdicts, Queue: w.Queue, Settings: w.Settings, Inspector: w.Inspector, Resolver: w, Tokens: tokens,
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c.Handler())
	defer server.Close()
	const many = 413 // two full pages and a part of one
	for i := range many {
		if _, _, err := tokens.Create(t.Context(), token.Token{Name: fmt.Sprint("t", i), Role: token.Reader}); err != nil {
			t.Fatal(err)
		}
	}
	admin, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	remote, err := client.New(client.Config{Server: server.URL + "/", Token: strings.TrimSpace(string(admin))})
	if err != nil {
		t.Fatal(err)
	}
	list, err := remote.Tokens(t.Context())
	if err != nil || len(list) != many {
		t.Errorf("%d tokens, %v", len(list), err)
	}
	seen := map[string]bool{}
	for _, k := range list {
		seen[k.ID] = true
	}
	if len(seen) != many {
		t.Errorf("%d different tokens", len(seen))
	}
	if _, err := remote.Decision(t.Context(), "01ARZ3NDEKTSV4RRFFQ69G5FAV"); !client.NotFound(err) {
		t.Errorf("an unknown decision: %v", err)
	}
}

func TestAnswersOfOthers(t *testing.T) {
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		says    string
	}{
		{"a page", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "no document"},
		{"an error page", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<html>", http.StatusBadGateway) }, "502"},
		{"a broken answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		}, "broke off"},
		{"an endless list", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"count":1000000,"result":[]}`)) }, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(test.handler)
			defer server.Close()
			c, err := client.New(client.Config{Server: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Tokens(t.Context())
			if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("error %v, want %q", err, test.says)
			}
		})
	}
}

func TestEndedCallsSaySo(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	c, err := client.New(client.Config{Server: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.DTA(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestAddresses(t *testing.T) {
	for address, good := range map[string]bool{
		"": true, "http://127.0.0.1:8080": true, "https://gate.example/": true, "https://gate.example/sallyport": true,
		"127.0.0.1:8080": false, "gate.example": false, "ftp://gate.example": false, "https://": false, "https://user:secret@gate.example": false, "https://gate.example/?a=b": false,
	} {
		if _, err := client.New(client.Config{Server: address}); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}
