package responder_test

import (
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// shared is notes that several conversations take.
type shared struct {
	mu sync.Mutex
	notes
	understood []string
	hellos     []responder.ClientHello
}

func (s *shared) Understood(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.understood = append(s.understood, string(text))
}

func (s *shared) Hello(h responder.ClientHello) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hellos = append(s.hellos, h)
}

func (s *shared) App(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes.App(name)
}

func (s *shared) Message(out bool, kind string, fields map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes.Message(out, kind, fields)
}

func (s *shared) HTTP(h observation.HTTP) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes.HTTP(h)
}

// serve lets programs of this machine talk to the responders, as if on port.
func serve(t *testing.T, port uint16) (host, at string, log *shared) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log = &shared{}
	table := everything(t)
	var talks sync.WaitGroup
	talks.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			talks.Go(func() {
				defer conn.Close()
				_ = table.Serve(t.Context(), conn, netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), port), "", log)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		talks.Wait()
	})
	host, at, _ = net.SplitHostPort(ln.Addr().String())
	return host, at, log
}

// client runs a program, which may fail, and returns what it prints.
func client(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	testenv.NeedCommand(t, name)
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	t.Logf("%s: %v\n%s", name, err, out)
	return string(out)
}

func TestPsqlTriesToLogIn(t *testing.T) {
	host, port, log := serve(t, 5432)
	said := client(t, []string{"PGPASSWORD=letmein"}, "psql", "-w", "-h", host, "-p", port, "-U", "postgres", "-d", "app", "-c", "select 1")
	log.mu.Lock()
	defer log.mu.Unlock()
	want := map[string]string{"method": "password", "user": "postgres", "password": "letmein", "database": "app"}
	if !strings.Contains(said, "password authentication failed") || len(log.messages) == 0 || !maps.Equal(log.messages[0].Fields, want) {
		t.Errorf("noted %+v", log.messages)
	}
}

func TestRedisCliSetsAKey(t *testing.T) {
	host, port, log := serve(t, 6379)
	if said := client(t, nil, "redis-cli", "-h", host, "-p", port, "set", "backup1", "*/2 * * * * true"); !strings.Contains(said, "OK") {
		t.Errorf("heard %q", said)
	}
	if m := log.last(t); log.app != "redis" || !strings.EqualFold(m.Type, "set") || m.Fields["args"] != "backup1 */2 * * * * true" {
		t.Errorf("noted %+v", m)
	}
}

func TestMariadbTriesToLogIn(t *testing.T) {
	host, port, log := serve(t, 3306)
	said := client(t, nil, "mariadb", "--no-defaults", "--protocol=tcp", "-h", host, "-P", port, "-u", "root", "-pletmein", "-e", "select 1", "app")
	if m := log.last(t); !strings.Contains(said, "Access denied for user 'root'") || log.app != "mysql" || m.Fields["user"] != "root" || m.Fields["database"] != "app" || m.Fields["answer"] == "" {
		t.Errorf("noted %+v", m)
	}
}

func TestSSHTriesToLogIn(t *testing.T) {
	testenv.NeedCommand(t, "ssh-keygen")
	host, port, log := serve(t, 22)
	dir := t.TempDir()
	key, ask := filepath.Join(dir, "key"), filepath.Join(dir, "ask")
	client(t, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
	if err := os.WriteFile(ask, []byte("#!/bin/sh\necho hunter2\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	said := client(t, []string{"SSH_ASKPASS=" + ask, "SSH_ASKPASS_REQUIRE=force"}, "ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "NumberOfPasswordPrompts=1", "-o", "IdentitiesOnly=yes", "-i", key, "-p", port, "root@"+host, "true")
	if !strings.Contains(said, "Permission denied") {
		t.Errorf("heard %q", said)
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	methods := map[string]map[string]string{}
	for _, m := range log.messages {
		methods[m.Type+m.Fields["method"]] = m.Fields
	}
	if methods["authpassword"]["password"] != "hunter2" || methods["authpassword"]["user"] != "root" || !strings.HasPrefix(methods["authpublickey"]["key"], "SHA256:") {
		t.Errorf("noted %+v", log.messages)
	}
}

func TestOpensslSeesTheProtocolThatItOffers(t *testing.T) {
	host, port, log := serve(t, 443)
	for offered, want := range map[string]string{"h2,http/1.1": "ALPN protocol: h2", "http/1.1": "ALPN protocol: http/1.1", "imap": "ALPN protocol: imap"} {
		if said := client(t, nil, "openssl", "s_client", "-connect", net.JoinHostPort(host, port), "-servername", "sclient.example", "-alpn", offered); !strings.Contains(said, want) {
			t.Errorf("%s: %q", offered, said)
		}
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	for _, h := range log.hellos {
		if h.ServerName != "sclient.example" || len(h.JA3()) != 32 {
			t.Errorf("%+v", h)
		}
	}
	if len(log.hellos) != 3 {
		t.Errorf("%d hellos", len(log.hellos))
	}
}

func TestOpensslAsksAMailServerForTLS(t *testing.T) {
	host, port, log := serve(t, 25)
	testenv.NeedCommand(t, "openssl")
	cmd := exec.CommandContext(t.Context(), "openssl", "s_client", "-starttls", "smtp", "-crlf", "-quiet", "-connect", net.JoinHostPort(host, port), "-servername", "mail.example")
	cmd.Stdin = strings.NewReader("EHLO bot.example\nMAIL FROM:<bot@victim.example>\nQUIT\n")
	out, err := cmd.CombinedOutput()
	t.Logf("%v\n%s", err, out)
	log.mu.Lock()
	defer log.mu.Unlock()
	var said []string
	for _, m := range log.messages {
		said = append(said, m.Type)
	}
	want := []string{"EHLO", "STARTTLS", "handshake", "EHLO", "MAIL", "QUIT"}
	if !slices.Equal(said, want) || log.app != "smtp" || !log.inner {
		t.Errorf("noted %q, want %q", said, want)
	}
}
