package responder_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// browser speaks version 2 with what serve serves, in TLS or without.
func browser(at string) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Transport{
		Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", at)
		},
	}
}

func TestHTTP2(t *testing.T) {
	for scheme, port := range map[string]uint16{"http": 8080, "https": 443} {
		host, at, log := serve(t, port)
		transport := browser(net.JoinHostPort(host, at))
		client := http.Client{Transport: transport}
		defer transport.CloseIdleConnections()
		big := strings.Repeat("x", 200<<10)
		for range 3 {
			r, err := http.NewRequestWithContext(t.Context(), "POST", scheme+"://two.example/up?a=b", strings.NewReader(big))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer something")
			a, err := client.Do(r)
			if err != nil {
				t.Fatalf("%s: %v", scheme, err)
			}
			body, _ := io.ReadAll(a.Body)
			a.Body.Close()
			if a.ProtoMajor != 2 || a.StatusCode != 200 || !strings.Contains(string(body), "It works!") || a.Header.Get("Date") == "" {
				t.Errorf("%s: %s %d %q", scheme, a.Proto, a.StatusCode, body)
			}
		}
		a, err := client.Head(scheme + "://two.example/a.sh")
		if err != nil || a.ContentLength != 4 {
			t.Fatalf("%s: %v %v", scheme, a, err)
		}
		log.mu.Lock()
		if len(log.http) != 4 || log.http[0].Host != "two.example" || log.http[0].Path != "/up?a=b" || len(log.http[0].Body) != 64<<10 || log.http[0].TLS != (scheme == "https") {
			t.Errorf("%s: noted %d requests", scheme, len(log.http))
		}
		if !slices.ContainsFunc(log.understood, func(s string) bool { return strings.Contains(s, "Authorization: Bearer something\r\n") }) {
			t.Errorf("%s: its headers were not handed over: %q", scheme, log.understood)
		}
		log.mu.Unlock()
	}
}

func TestCurlAgreesOnHTTP2(t *testing.T) {
	host, at, log := serve(t, 443)
	said := client(t, nil, "curl", "-sk", "--http2", "-w", " %{http_version}", "https://"+net.JoinHostPort(host, at)+"/a.sh")
	if said != "echo 2" {
		t.Errorf("over TLS: %q", said)
	}
	host, at, plain := serve(t, 8080)
	said = client(t, nil, "curl", "-s", "--http2-prior-knowledge", "-w", " %{http_version}", "http://"+net.JoinHostPort(host, at)+"/a.sh")
	if said != "echo 2" {
		t.Errorf("in clear text: %q", said)
	}
	said = client(t, nil, "curl", "-s", "--http2", "-w", " %{http_version}", "http://"+net.JoinHostPort(host, at)+"/a.sh") // asks for an upgrade
	if said != "echo 1.1" {
		t.Errorf("an upgrade that is not made: %q", said)
	}
	for _, l := range []*shared{log, plain} {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, h := range l.http {
			if h.Payload != "script" || h.Status != 200 {
				t.Errorf("noted %+v", h)
			}
		}
	}
	if len(log.http) != 1 || len(plain.http) != 2 || len(log.hellos) != 1 || log.hellos[0].JA4() == "" {
		t.Errorf("%d and %d requests, hellos %+v", len(log.http), len(plain.http), log.hellos)
	}
}

func FuzzHTTP2(f *testing.F) {
	var seed bytes.Buffer
	framer := http2.NewFramer(&seed, nil)
	_ = framer.WriteSettings()
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte("\x82\x84\x86\x41\x01a"), EndStream: true, EndHeaders: true})
	f.Add(seed.Bytes())
	f.Add([]byte{})
	table := everything(f)
	f.Fuzz(func(t *testing.T, frames []byte) {
		guest, log := &monologue{Reader: io.MultiReader(strings.NewReader(http2.ClientPreface), bytes.NewReader(frames))}, &shared{}
		_ = table.Serve(t.Context(), guest, netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), 80), "", log)
		log.mu.Lock()
		defer log.mu.Unlock()
		if log.app != "http" && len(log.http) == 0 {
			t.Fatalf("is %s", log.app)
		}
	})
}
