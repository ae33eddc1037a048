package responder_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// everything is a table of all responders, as a World has it but for DNS.
func everything(t testing.TB) *responder.Table {
	t.Helper()
	ssh, err := responder.NewSSH(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cipher := &responder.TLS{Certificate: func(string) (*tls.Certificate, error) {
		return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
	}}
	return responder.NewTable(
		cipher,
		responder.NewHTTP(responder.HTTPConfig{
			Payloads: responder.Payloads{Script: []byte("echo"), ELF: map[string][]byte{"amd64": []byte("\x7fELF")}, Arch: "amd64"},
			Secret:   func(name string) string { return name }, Token: "token", Now: time.Now,
		}),
		ssh, &responder.Tor{}, &responder.Memcached{}, &responder.Stratum{Now: time.Now}, &responder.IRC{Token: "token"}, &responder.Redis{}, &responder.SMTP{TLS: cipher},
		&responder.FTP{}, &responder.Telnet{}, &responder.Postgres{}, &responder.MySQL{}, &responder.MSSQL{}, &responder.MongoDB{}, &responder.SOCKS{},
	)
}

// monologue is a guest that says all it has to say, whatever it hears, and
// closes. No time passes in it.
type monologue struct {
	io.Reader
	mu    sync.Mutex
	heard strings.Builder
}

func (m *monologue) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.heard.Write(p)
}
func (*monologue) Close() error                     { return nil }
func (*monologue) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*monologue) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*monologue) SetDeadline(time.Time) error      { return nil }
func (*monologue) SetReadDeadline(time.Time) error  { return nil }
func (*monologue) SetWriteDeadline(time.Time) error { return nil }

// notes is a Log that keeps what it is told.
type notes struct {
	app      string
	messages []observation.Message
	http     []observation.HTTP
	inner    bool
}

func (n *notes) App(name string) { n.app = name }
func (n *notes) Message(out bool, kind string, fields map[string]string) {
	n.messages = append(n.messages, observation.Message{Out: out, Type: kind, Fields: fields})
}
func (n *notes) HTTP(h observation.HTTP)   { n.http = append(n.http, h) }
func (*notes) Understood([]byte)           {}
func (*notes) Hello(responder.ClientHello) {}
func (n *notes) Decrypted(plain net.Conn, _ string) net.Conn {
	n.inner = true
	return plain
}

// talk holds a conversation of a guest that says words, on a port.
func talk(t testing.TB, table *responder.Table, port uint16, words io.Reader) (*notes, string) {
	t.Helper()
	guest, log := &monologue{Reader: words}, &notes{}
	_ = table.Serve(t.Context(), guest, netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), port), "", log)
	for _, m := range log.messages {
		if m.Type == "" {
			t.Fatalf("a message without type: %+v", m)
		}
		for name, value := range m.Fields {
			if len(value) > 4<<10 {
				t.Fatalf("%s: field %s has %d bytes", m.Type, name, len(value))
			}
		}
	}
	for _, h := range log.http {
		if h.Method == "" || h.Status == 0 || len(h.Body) > 64<<10 || len(h.Path) > 32<<10 || len(h.Headers) > 100 {
			t.Fatalf("an unbounded record: %d bytes of body, %d of path, %d headers", len(h.Body), len(h.Path), len(h.Headers))
		}
	}
	return log, guest.heard.String()
}

func TestFirstBytesTellTheProtocolHoweverTheyArrive(t *testing.T) {
	table := everything(t)
	for name, c := range map[string]struct {
		port  uint16
		words string
		app   string
	}{
		"HTTP":                       {8080, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "http"},
		"HTTP with another method":   {80, "PROPFIND /dav HTTP/1.1\r\nHost: x\r\n\r\n", "http"},
		"a get that is memcached's":  {11211, "get key\r\n", "memcached"},
		"TLS":                        {80, "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "tls"},
		"a record that is no TLS":    {443, "\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00", "raw"},
		"SSH":                        {2200, "SSH-2.0-libssh\r\n", "ssh"},
		"Stratum":                    {80, `{"method":"mining.subscribe","id":1,"params":[]}` + "\n", "stratum"},
		"Stratum with spaces before": {80, "\r\n " + `{ "id": 1, "method": "login", "params": {} }` + "\n", "stratum"},
		"other JSON":                 {80, `{"method":"hello"}` + "\n", "raw"},
		"IRC":                        {53, "NICK a\r\n", "irc"},
		"IRC with a password":        {6667, "PASS x\r\nNICK a\r\n", "irc"},
		"FTP's USER":                 {21, "USER anonymous\r\n", "ftp"},
		"USER on another port":       {2100, "USER anonymous\r\n", "irc"},
		"Telnet's negotiation":       {8023, "\xff\xfd\x01", "telnet"},
		"PostgreSQL":                 {5433, "\x00\x00\x00\x08\x04\xd2\x16\x2f", "postgresql"},
		"zeros":                      {5433, "\x00\x00\x00\x00\x00\x00\x00\x00", "raw"},
		"SQL Server":                 {1433, "\x12\x01\x00\x2f\x00\x00\x00\x00", "mssql"},
		"a nickname":                 {6667, "NICKNAME\r\n", "raw"},
		"Redis":                      {7000 + 1, "*1\r\n$4\r\nPING\r\n", "redis"},
		"Redis inline":               {6379, "info\r\n", "redis"},
		"Redis inline elsewhere":     {9999, "info\r\n", "raw"},
		"SMTP":                       {2526, "EHLO me\r\n", "smtp"},
		"a shell's prompt":           {4444, "sh-5.2# ", "raw"},
		"bytes":                      {4444, "\x00\x01\x02", "raw"},
		"one byte of many protocols": {4444, "P", "raw"},
	} {
		t.Run(name, func(t *testing.T) {
			if log, _ := talk(t, table, c.port, strings.NewReader(c.words)); log.app != c.app {
				t.Errorf("at once: %s, want %s", log.app, c.app)
			}
			if log, _ := talk(t, table, c.port, iotest.OneByteReader(strings.NewReader(c.words))); log.app != c.app {
				t.Errorf("byte by byte: %s, want %s", log.app, c.app)
			}
		})
	}
}

func TestSilentGuestIsGreetedByItsPort(t *testing.T) {
	table := everything(t)
	for name, c := range map[string]struct {
		port     uint16
		greeting string
		app      string
	}{
		"mail":         {25, "220 ", "smtp"},
		"submission":   {587, "220 ", "smtp"},
		"secure shell": {22, "SSH-2.0-OpenSSH", "ssh"},
		"chat":         {6667, ":irc.example.net NOTICE", "irc"},
		"files":        {21, "220 ", "ftp"},
		"terminal":     {23, "\xff\xfb\x01", "telnet"},
		"database":     {3306, "J\x00\x00\x00\x0a8.0.36", "mysql"},
		"anything":     {4444, "id\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			guest, far := net.Pipe()
			log := &notes{}
			done := make(chan error)
			go func() {
				done <- table.Serve(t.Context(), far, netip.AddrPortFrom(netip.MustParseAddr("198.51.100.1"), c.port), "", log)
			}()
			heard := make([]byte, len(c.greeting))
			guest.SetDeadline(time.Now().Add(time.Minute))
			if _, err := io.ReadFull(guest, heard); err != nil || string(heard) != c.greeting {
				t.Errorf("heard %q, %v", heard, err)
			}
			guest.Close()
			<-done
			if log.app != c.app {
				t.Errorf("is %q, want %q", log.app, c.app)
			}
		})
	}
}

func FuzzTable(f *testing.F) {
	table := everything(f)
	for _, words := range []string{
		"", "GET / HTTP/1.1\r\n\r\n", "POST /v1.43/containers/create HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", "CONNECT x:1 HTTP/1.1\r\n\r\n",
		"NICK a\r\nUSER a b c :d\r\nJOIN #a,#b\r\nPRIVMSG #a :x\r\nCAP LS\r\nPING\r\n:from PRIVMSG\r\n",
		`{"id":1,"method":"login","params":{"login":"x"}}` + "\n" + `{"id":{},"method":"submit","params":[1]}`,
		"*2\r\n$3\r\nGET\r\n$1\r\nx\r\n*-1\r\n", "*1\r\n$99999999999\r\n", "EHLO x\r\nAUTH LOGIN\r\nYQ==\r\nYQ==\r\nDATA\r\nSubject: x\r\n.\r\nQUIT\r\n",
		"SSH-2.0-x\r\n", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", "\x16", "*", "{", "G", "S", "root@x:~# ",
	} {
		for _, port := range []uint16{80, 2375, 6379, 4444} {
			f.Add(port, []byte(words))
		}
	}
	f.Fuzz(func(t *testing.T, port uint16, words []byte) {
		log, _ := talk(t, table, port, strings.NewReader(string(words)))
		if len(words) > 0 && log.app == "" {
			t.Fatalf("%q is nothing, not even raw", words)
		}
	})
}
