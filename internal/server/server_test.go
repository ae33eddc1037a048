package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// running is a server of a test.
type running struct {
	address string
	stop    context.CancelFunc
	ended   chan error
}

func run(t *testing.T, cfg Config) *running {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Log = slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{ln.Addr().String(), cancel, make(chan error, 1)}
	go func() { r.ended <- Run(ctx, ln, cfg) }()
	t.Cleanup(cancel)
	return r
}

// files writes a new key pair over the old one and returns who trusts it.
func files(t *testing.T, dir string, life time.Duration) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "gate"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(life), BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: der}, "tls.key": {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return pool
}

func pair(t *testing.T, dir string) *KeyPair {
	t.Helper()
	k, err := OpenKeyPair(filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func trusting(pool *x509.CertPool, most uint16) *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: pool, MaxVersion: most},
	}}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	pool := files(t, dir, time.Hour)
	keys := pair(t, dir)
	s := run(t, Config{Name: "test", TLS: keys.TLS(), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	})})
	get := func(c *http.Client) (string, error) {
		resp, err := c.Get("https://" + s.address)
		if err != nil {
			return "", err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return string(b), err
	}
	old := trusting(pool, 0)
	if got, err := get(old); got != "HTTP/2.0" || err != nil {
		t.Errorf("an engine gets %q, %v", got, err)
	}
	if _, err := get(trusting(pool, tls.VersionTLS11)); err == nil {
		t.Error("TLS 1.1 is spoken")
	}

	newPool := files(t, dir, time.Hour)
	if changed, err := keys.Reload(); !changed || err != nil {
		t.Fatalf("replaced: %v, %v", changed, err)
	}
	if got, err := get(old); got != "HTTP/2.0" || err != nil {
		t.Errorf("a connection under way: %q, %v", got, err)
	}
	if _, err := get(trusting(pool, 0)); err == nil {
		t.Error("a new connection still gets the old certificate")
	}
	if _, err := get(trusting(newPool, 0)); err != nil {
		t.Errorf("a new connection: %v", err)
	}

	for name, damage := range map[string]func(){
		"no certificate": func() { _ = os.WriteFile(filepath.Join(dir, "tls.crt"), []byte("hello"), 0o600) },
		"no file":        func() { _ = os.Remove(filepath.Join(dir, "tls.key")) },
		"another one's key": func() {
			other := t.TempDir()
			files(t, other, time.Hour)
			_ = os.Rename(filepath.Join(other, "tls.key"), filepath.Join(dir, "tls.key"))
		},
		"ended": func() { files(t, dir, -time.Hour) },
	} {
		files(t, dir, time.Hour)
		damage()
		if changed, err := keys.Reload(); changed || err == nil || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v, %v", name, changed, err)
		}
		if _, err := get(trusting(newPool, 0)); err != nil {
			t.Errorf("%s: the former certificate is gone: %v", name, err)
		}
	}
	if _, err := OpenKeyPair(filepath.Join(dir, "none"), filepath.Join(dir, "tls.key"), nil); err == nil {
		t.Error("a server without certificate")
	}
}

func TestWatchSeesAReplacedPair(t *testing.T) {
	dir := t.TempDir()
	files(t, dir, time.Hour)
	keys := pair(t, dir)
	before := keys.current.Load()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { keys.Watch(ctx); close(done) }()
		files(t, dir, 2*time.Hour) // within the bubble the clock stands in 2000
		time.Sleep(reloadEvery + time.Millisecond)
		synctest.Wait()
		cancel()
		<-done
	})
	if keys.current.Load() == before {
		t.Error("the new pair is not in use")
	}
}

func TestDrain(t *testing.T) {
	for name, c := range map[string]struct {
		drain time.Duration
		whole bool
	}{"within the time": {time.Minute, true}, "longer than that": {20 * time.Millisecond, false}} {
		t.Run(name, func(t *testing.T) {
			asked, release := make(chan struct{}), make(chan struct{})
			s := run(t, Config{Name: "test", Drain: c.drain, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "4")
				_, _ = io.WriteString(w, "ab")
				_ = http.NewResponseController(w).Flush()
				close(asked)
				<-release
				_, _ = io.WriteString(w, "cd")
			})})
			resp, err := http.Get("http://" + s.address)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			<-asked
			s.stop()
			for { // new connections are refused at once
				c, err := net.Dial("tcp", s.address)
				if err != nil {
					break
				}
				c.Close()
			}
			if !c.whole {
				if err := <-s.ended; err != nil {
					t.Error(err)
				}
			}
			close(release)
			b, err := io.ReadAll(resp.Body)
			if (string(b) == "abcd" && err == nil) != c.whole {
				t.Errorf("the pull under way got %q, %v", b, err)
			}
			if c.whole {
				if err := <-s.ended; err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestDelay goes on asking while the end is announced: each answer is the last of
// its connection, in every version of the protocol.
func TestDelay(t *testing.T) {
	dir := t.TempDir()
	pool := files(t, dir, time.Hour)
	keys := pair(t, dir)
	for _, version := range []int{1, 2} {
		s := run(t, Config{TLS: keys.TLS(), Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), Delay: time.Hour})
		var protocols http.Protocols
		protocols.SetHTTP1(version == 1)
		protocols.SetHTTP2(version == 2)
		client := &http.Client{Transport: &http.Transport{Protocols: &protocols, TLSClientConfig: &tls.Config{RootCAs: pool}}}
		defer client.CloseIdleConnections()
		// ask returns whether the connection served another request before.
		ask := func() (again bool) {
			t.Helper()
			trace := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(c httptrace.GotConnInfo) { again = c.Reused }})
			r, err := http.NewRequestWithContext(trace, http.MethodGet, "https://"+s.address, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.ProtoMajor != version {
				t.Fatalf("HTTP/%d was answered", resp.ProtoMajor)
			}
			return again
		}
		if ask() || !ask() {
			t.Errorf("HTTP/%d: connections are not kept", version)
		}
		s.stop()
		for deadline := time.Now().Add(time.Minute); ask(); {
			if time.Now().After(deadline) {
				t.Fatalf("HTTP/%d: a connection is kept while the end is announced", version)
			}
		}
		select {
		case err := <-s.ended:
			t.Errorf("it ended: %v", err)
		default:
		}
	}
}

func TestConnectionsOfOneAddress(t *testing.T) {
	s := run(t, Config{Name: "test", Connections: 2, Handler: http.NotFoundHandler()})
	answered := func(c net.Conn) bool {
		_ = c.SetDeadline(time.Now().Add(time.Minute))
		_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if err == nil {
			_, err = c.Read(make([]byte, 1))
		}
		return err == nil
	}
	var open []net.Conn
	for i, want := range []bool{true, true, false} {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if open = append(open, c); answered(c) != want {
			t.Errorf("connection %d: answered is %v", i, !want)
		}
	}
	open[0].Close()
	for end := time.Now().Add(time.Minute); ; {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		ok := answered(c)
		c.Close()
		if ok {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a closed connection keeps its place")
		}
	}
}

func TestClient(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:80": "192.0.2.7", "[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64", "[::ffff:192.0.2.7]:1": "192.0.2.7",
		"[fe80::1%eth0]:9": "fe80::/64", "@": "@", "": "",
	} {
		if got := Client(remote); got != want {
			t.Errorf("%q is the client %q, want %q", remote, got, want)
		}
	}
}

// pipes is a listener whose connections need no kernel, so that a test can turn
// the clock.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.ended); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := &pipes{make(chan net.Conn), make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		var lost error
		go func() {
			ended <- Run(ctx, ln, Config{Name: "test", Log: slog.New(slog.DiscardHandler), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(10 * time.Minute) // a large layer to a slow client
				lost = r.Context().Err()
			})})
		}()
		dial := func() net.Conn {
			here, there := net.Pipe()
			ln.conns <- there
			return here
		}
		slow := dial()
		begun := time.Now()
		if _, err := io.WriteString(slow, "GET / HTTP/1.1\r\nHost: x\r\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(slow); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
		if took := time.Since(begun); took > headersWithin+time.Second {
			t.Errorf("headers may take %s", took)
		}
		long := dial()
		if _, err := io.WriteString(long, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(long)
		if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 200") || lost != nil {
			t.Errorf("a long answer: %q, %v; its context: %v", b, err, lost)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
