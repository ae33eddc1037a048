package responder_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// asked is one exchange with a web server at an address: what is said back, and
// what was noted.
func asked(t *testing.T, to, request string) (string, *shared) {
	t.Helper()
	guest, log := &monologue{Reader: strings.NewReader(request)}, &shared{}
	_ = everything(t).Serve(t.Context(), guest, netip.MustParseAddrPort(to), "", log)
	return guest.heard.String(), log
}

func (s *shared) last(t *testing.T) observation.Message {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.messages) == 0 {
		t.Fatal("nothing was noted")
	}
	return s.messages[len(s.messages)-1]
}

func TestMetadataOfEveryCloud(t *testing.T) {
	for name, c := range map[string]struct{ to, request, want string }{
		"ECS credentials":          {"169.254.170.2:80", "GET /v2/credentials/0f1c HTTP/1.1\r\n\r\n", canary.IMDSSecretKey},
		"ECS task":                 {"169.254.170.2:80", "GET /v4/0f1c/task HTTP/1.1\r\n\r\n", "arn:aws:ecs"},
		"EKS pod identity":         {"169.254.170.23:80", "GET /v1/credentials HTTP/1.1\r\nAuthorization: x\r\n\r\n", canary.IMDSSessionToken},
		"GCP without its header":   {"169.254.169.254:80", "GET /computeMetadata/v1/instance/ HTTP/1.1\r\n\r\n", " 403 "},
		"GCP token":                {"169.254.169.254:80", "GET /computeMetadata/v1/instance/service-accounts/default/token HTTP/1.1\r\nMetadata-Flavor: Google\r\n\r\n", canary.IMDSGoogleToken},
		"GCP token by account":     {"169.254.169.254:80", "GET /computeMetadata/v1/instance/service-accounts/x@y.iam.gserviceaccount.com/token HTTP/1.1\r\nMetadata-Flavor: Google\r\n\r\n", canary.IMDSGoogleToken},
		"GCP project":              {"169.254.169.254:80", "GET /computeMetadata/v1/project/project-id HTTP/1.1\r\nMetadata-Flavor: Google\r\n\r\n", "builds-"},
		"GCP says that it is":      {"169.254.169.254:80", "GET /computeMetadata/v1/ HTTP/1.1\r\nMetadata-Flavor: Google\r\n\r\n", "Metadata-Flavor: Google"},
		"Azure without its header": {"169.254.169.254:80", "GET /metadata/instance?api-version=2021-02-01 HTTP/1.1\r\n\r\n", " 400 "},
		"Azure without version":    {"169.254.169.254:80", "GET /metadata/instance HTTP/1.1\r\nMetadata: true\r\n\r\n", "api-version was not specified"},
		"Azure instance":           {"169.254.169.254:80", "GET /metadata/instance?api-version=2021-02-01 HTTP/1.1\r\nMetadata: true\r\n\r\n", "subscriptionId"},
		"Azure token":              {"169.254.169.254:80", "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=r HTTP/1.1\r\nMetadata: true\r\n\r\n", canary.IMDSAzureToken},
		"Alibaba role":             {"100.100.100.200:80", "GET /latest/meta-data/ram/security-credentials/ HTTP/1.1\r\n\r\n", "worker-node-role"},
		"Alibaba credentials":      {"100.100.100.200:80", "GET /latest/meta-data/ram/security-credentials/worker-node-role HTTP/1.1\r\n\r\n", canary.IMDSAlibabaToken},
		"AWS, as before":           {"169.254.169.254:80", "GET /latest/meta-data/ami-id HTTP/1.1\r\n\r\n", "ami-"},
	} {
		if heard, log := asked(t, c.to, c.request); !strings.Contains(heard, c.want) || len(log.http) != 1 {
			t.Errorf("%s: %q", name, heard)
		}
	}
	if heard, _ := asked(t, "198.51.100.1:80", "GET /computeMetadata/v1/instance/ HTTP/1.1\r\nMetadata-Flavor: Google\r\n\r\n"); strings.Contains(heard, "hostname\n") {
		t.Errorf("somebody else answers as the metadata service: %q", heard)
	}
}

func TestAWSAnswersWhoSigns(t *testing.T) {
	host, at, log := serve(t, 80)
	base := "http://" + net.JoinHostPort(host, at)
	sign := func(service string, more ...string) string {
		t.Helper()
		// serve's canaries have their names as values.
		return client(t, nil, "curl", append([]string{"-s", "--aws-sigv4", "aws:amz:us-east-1:" + service, "-u", "AKIAIOSFODNN7EXAMPLE:secret"}, more...)...)
	}
	if said := sign("sts", "-d", "Action=GetCallerIdentity&Version=2011-06-15", base+"/"); !strings.Contains(said, "<Arn>arn:aws:iam::123456789012:user/builder</Arn>") {
		t.Errorf("STS: %q", said)
	}
	want := map[string]string{"access_key": "AKIAIOSFODNN7EXAMPLE", "service": "sts", "region": "us-east-1"}
	if m := log.last(t); m.Type != "GetCallerIdentity" || !maps.Equal(m.Fields, want) {
		t.Errorf("noted %+v", m)
	}
	if said := sign("s3", base+"/"); !strings.Contains(said, "<Name>builder-backups</Name>") {
		t.Errorf("buckets: %q", said)
	}
	if said := sign("s3", "-X", "PUT", "-d", "loot", "-D", "-", base+"/dropbox/a/b.tgz"); !strings.Contains(strings.ToLower(said), `etag: "`) {
		t.Errorf("put: %q", said)
	}
	if m := log.last(t); m.Type != "PutObject" || m.Fields["bucket"] != "dropbox" || m.Fields["object"] != "a/b.tgz" {
		t.Errorf("noted %+v", m)
	}
	if said := sign("s3", "-D", "-", base+"/builder-backups/none"); !strings.Contains(said, " 404 ") || !strings.Contains(said, "<Code>NoSuchKey</Code>") {
		t.Errorf("get: %q", said)
	}
	if said := sign("secretsmanager", "-H", "X-Amz-Target: secretsmanager.ListSecrets", "-d", "{}", base+"/"); said != "{}" || log.last(t).Type != "ListSecrets" {
		t.Errorf("another service: %q, %+v", said, log.last(t))
	}
	// Storage that is open to everybody is a place for programs as any other.
	if said := client(t, nil, "curl", "-s", base+"/dropbox/x.sh"); said != "echo" {
		t.Errorf("unsigned: %q", said)
	}
	if heard, log := asked(t, "198.51.100.1:80", "GET / HTTP/1.1\r\nHost: dropbox.s3.eu-west-1.amazonaws.com\r\nAuthorization: AWS4-HMAC-SHA256 Credential="+
		"AKIAABCDEFGHIJKLMNOP/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host, Signature=00\r\n\r\n"); !strings.Contains(heard, "<Name>dropbox</Name>") || log.last(t).Type != "ListObjects" {
		t.Errorf("a bucket by host: %q", heard)
	}
	if heard, log := asked(t, "198.51.100.1:80", "GET /o?X-Amz-Credential=AKIAABCDEFGHIJKLMNOP/20260101/eu-west-1/s3/aws4_request HTTP/1.1\r\nHost: b.s3.amazonaws.com\r\n\r\n"); !strings.Contains(heard, "NoSuchKey") || log.last(t).Fields["access_key"] != "AKIAABCDEFGHIJKLMNOP" {
		t.Errorf("signed in the address: %q", heard)
	}
}

func TestMemcachedWords(t *testing.T) {
	log, heard := talk(t, everything(t), 11211, strings.NewReader("set key 0 0 4\r\nabcd\r\nget key\r\nadd q 0 0 1 noreply\r\nx\r\nversion\r\nstats\r\nflush_all\r\nwhat\r\nquit\r\n"))
	if log.app != "memcached" || !strings.HasPrefix(heard, "STORED\r\nEND\r\nVERSION 1.6.18\r\nSTAT pid 1\r\n") || !strings.HasSuffix(heard, "END\r\nOK\r\nERROR\r\n") {
		t.Errorf("%s heard %q", log.app, heard)
	}
	if m := log.messages[0]; m.Type != "set" || m.Fields["value"] != "abcd" || m.Fields["args"] != "key 0 0 4" {
		t.Errorf("noted %+v", m)
	}
	binary := "\x80\x01\x00\x03\x08\x00\x00\x00\x00\x00\x00\x0d\x11\x22\x33\x44\x00\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\x00\x00keyvv"
	log, heard = talk(t, everything(t), 11211, strings.NewReader(binary))
	if log.messages[0].Fields["key"] != "key" || log.messages[0].Fields["value"] != "vv" || !strings.HasPrefix(heard, "\x81\x01") || heard[12:16] != "\x11\x22\x33\x44" {
		t.Errorf("noted %+v, heard %q", log.messages, heard)
	}
}

func FuzzMemcached(f *testing.F) {
	table := everything(f)
	f.Add("set a 0 0 1\r\nx\r\nget a\r\n")
	f.Add("cas a b c -1\r\nincr\r\n\r\n \r\n")
	f.Fuzz(func(t *testing.T, words string) {
		if log, heard := talk(t, table, 11211, strings.NewReader("version\r\n"+words)); log.app != "memcached" || !strings.HasPrefix(heard, "VERSION") {
			t.Fatalf("%s heard %q", log.app, heard)
		}
		if log, _ := talk(t, table, 11211, strings.NewReader("\x80"+words)); log.app != "memcached" {
			t.Fatalf("is %s", log.app)
		}
	})
}

func TestEtcd(t *testing.T) {
	host, at, log := serve(t, 2379)
	base := "http://" + net.JoinHostPort(host, at)
	for _, c := range []struct {
		args         []string
		want, kind   string
		field, value string
	}{
		{[]string{base + "/version"}, `"etcdserver":"3.5.9"`, "version", "", ""},
		{[]string{base + "/v2/keys/?recursive=true"}, `"dir":true`, "get keys", "key", "/"},
		{[]string{"-X", "PUT", "-d", "value=abc", base + "/v2/keys/evil"}, `"action":"set"`, "put keys", "value", "abc"},
		{[]string{"-d", `{"key":"L3JlZ2lzdHJ5L3NlY3JldHM=","range_end":"AA=="}`, base + "/v3/kv/range"}, `"revision":"8"`, "kv/range", "key", "/registry/secrets"},
		{[]string{"-d", `{"key":"YQ==","value":"Yg=="}`, base + "/v3beta/kv/put"}, `"header"`, "kv/put", "value", "b"},
		{[]string{"-d", `{"name":"root","password":"hunter2"}`, base + "/v3/auth/authenticate"}, `"token"`, "auth/authenticate", "password", "hunter2"},
	} {
		said := client(t, nil, "curl", append([]string{"-s"}, c.args...)...)
		if m := log.last(t); !strings.Contains(said, c.want) || m.Type != c.kind || m.Fields[c.field] != c.value {
			t.Errorf("%v: %q, noted %+v", c.args, said, m)
		}
	}
	log.mu.Lock()
	app := log.app
	log.mu.Unlock()
	if app != "etcd" {
		t.Errorf("is %s", app)
	}
	// One call of gRPC: field 1 is the key.
	transport := browser(net.JoinHostPort(host, at))
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(t.Context(), "POST", base+"/etcdserverpb.KV/Range", strings.NewReader("\x00\x00\x00\x00\x0b\x0a\x09/registry"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/grpc")
	a, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, _ := io.ReadAll(a.Body)
	if m := log.last(t); string(body) != "\x00\x00\x00\x00\x00" || a.Trailer.Get("Grpc-Status") != "0" || m.Type != "KV/Range" || m.Fields["key"] != "/registry" {
		t.Errorf("gRPC: %q %v, noted %+v", body, a.Trailer, m)
	}
}

func TestMiningByHTTPAndForEthereum(t *testing.T) {
	body := `{"id":5,"jsonrpc":"2.0","method":"eth_getWork","params":[]}`
	heard, log := asked(t, "198.51.100.1:8545", fmt.Sprintf("POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
	if !strings.Contains(heard, `"id":5`) || !strings.Contains(heard, `["0x0000`) || log.app != "stratum" || log.last(t).Type != "eth_getWork" {
		t.Errorf("by HTTP: %s heard %q", log.app, heard)
	}
	notes, heard := talk(t, everything(t), 4444, strings.NewReader(`{"id":1,"method":"mining.subscribe","params":["miner/1","EthereumStratum/1.0.0"]}`+"\n"+`{"id":2,"method":"mining.authorize","params":["wallet.worker","x"]}`+"\n"))
	if notes.app != "stratum" || !strings.Contains(heard, `"EthereumStratum/1.0.0"],"080c"]`) || !strings.Contains(heard, `"mining.notify","params":["1","`+strings.Repeat("0", 64)+`","`+strings.Repeat("5a", 32)+`",true]`) {
		t.Errorf("EthereumStratum: heard %q", heard)
	}
	notes, heard = talk(t, everything(t), 4444, strings.NewReader(`{"worker":"w","jsonrpc":"2.0","params":["0xabc","x"],"id":2,"method":"eth_submitLogin"}`+"\n"+`{"id":3,"method":"eth_getWork","params":[]}`+"\n"))
	if notes.app != "stratum" || notes.messages[0].Fields["login"] != "0xabc" || !strings.Contains(heard, `"id":3`) {
		t.Errorf("proxied Ethereum: %+v heard %q", notes.messages, heard)
	}
}

// frame is a message of a client: masked, in one piece.
func frame(kind byte, text string) string {
	b := []byte{0x80 | kind, 0x80 | byte(len(text))}
	if len(text) > 125 {
		b = []byte{0x80 | kind, 0x80 | 126, byte(len(text) >> 8), byte(len(text))}
	}
	mask := "\x11\x22\x33\x44"
	b = append(b, mask...)
	for i := range len(text) {
		b = append(b, text[i]^mask[i%4])
	}
	return string(b)
}

const upgrade = "GET /socket HTTP/1.1\r\nHost: ws.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: chat, b\r\n\r\n"

func TestWebsocket(t *testing.T) {
	login := `{"id":1,"method":"login","params":{"login":"wallet","agent":"browser/1"}}`
	heard, log := asked(t, "198.51.100.1:80", upgrade+frame(1, "hello")+frame(9, "are you there")+frame(1, login)+frame(2, strings.Repeat("z", 300))+frame(8, "\x03\xe8bye"))
	// The answer to the key is RFC 6455's example.
	if !strings.HasPrefix(heard, "HTTP/1.1 101 Switching Protocols\r\n") || !strings.Contains(heard, "Sec-Websocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n") || !strings.Contains(heard, "Sec-Websocket-Protocol: chat\r\n") {
		t.Errorf("heard %q", heard)
	}
	if !strings.Contains(heard, "\x8a\x0dare you there") || !strings.Contains(heard, `"job":{"blob"`) || !strings.HasSuffix(heard, "\x88\x02\x03\xe8") {
		t.Errorf("heard %q", heard)
	}
	if log.app != "stratum" || len(log.messages) != 4 || log.messages[0].Fields["data"] != "hello" || log.messages[1].Fields["login"] != "wallet" {
		t.Errorf("%s noted %+v", log.app, log.messages)
	}
	if all := strings.Join(log.understood, ""); !strings.Contains(all, "hello") || !strings.Contains(all, login) {
		t.Errorf("handed over %q", all)
	}
}

func FuzzWebsocket(f *testing.F) {
	table := everything(f)
	f.Add([]byte(frame(1, "x") + frame(8, "")))
	f.Add([]byte("\x81\xff\x00\x00\x00\x01\x00\x00\x00\x00abcd"))
	f.Add([]byte("\x81\x01x"))
	f.Fuzz(func(t *testing.T, frames []byte) {
		if log, heard := talk(t, table, 80, io.MultiReader(strings.NewReader(upgrade), strings.NewReader(string(frames)))); len(log.http) != 1 || !strings.HasPrefix(heard, "HTTP/1.1 101 ") {
			t.Fatalf("%s heard %q", log.app, heard)
		}
	})
}

func TestTorsFirstCell(t *testing.T) {
	host, at, log := serve(t, 9001)
	conn, err := tls.Dial("tcp", net.JoinHostPort(host, at), &tls.Config{InsecureSkipVerify: true, ServerName: "www.abcdefgh.example"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := conn.Write([]byte("\x00\x00\x07\x00\x06\x00\x03\x00\x04\x00\x05")); err != nil {
		t.Fatal(err)
	}
	heard := make([]byte, 9)
	if _, err := io.ReadFull(conn, heard); err != nil || string(heard) != "\x00\x00\x07\x00\x04\x00\x04\x00\x05" {
		t.Errorf("heard %x, %v", heard, err)
	}
	if m := log.last(t); m.Type != "versions" || m.Fields["versions"] != "3 4 5" {
		t.Errorf("noted %+v", m)
	}
}

func FuzzEtcd(f *testing.F) {
	table := everything(f)
	f.Add("/v3/kv/range", `{"key":"YQ=="}`)
	f.Add("/v2/keys/a", "value=b")
	f.Add("/etcdserverpb.KV/Put", "\x00\x00\x00\x00\x06\x0a\x01a\x12\x01b")
	f.Fuzz(func(t *testing.T, path, body string) {
		talk(t, table, 2379, strings.NewReader(fmt.Sprintf("POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)))
	})
}

func FuzzAWS(f *testing.F) {
	table := everything(f)
	f.Add("/b/o?uploads", "a.s3.amazonaws.com", "AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/s3/aws4_request", "")
	f.Add("/", "sts.amazonaws.com", "AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/sts/aws4_request", "Action=AssumeRole<x>")
	f.Fuzz(func(t *testing.T, path, host, credential, body string) {
		talk(t, table, 80, strings.NewReader(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: AWS4-HMAC-SHA256 Credential=%s\r\nContent-Length: %d\r\n\r\n%s",
			path, host, credential, len(body), body)))
	})
}

func TestAProxyLetsEverybodyThrough(t *testing.T) {
	host, at, log := serve(t, 3128)
	said := client(t, nil, "curl", "-s", "-k", "-p", "-x", "http://u:p@"+net.JoinHostPort(host, at), "https://inner.example/a.sh")
	if said != "echo" {
		t.Errorf("through CONNECT: %q", said)
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	if len(log.messages) == 0 || log.messages[0].Type != "connect" || log.messages[0].Fields["host"] != "inner.example" || log.messages[0].Fields["port"] != "443" || log.messages[0].Fields["authorization"] == "" {
		t.Errorf("noted %+v", log.messages)
	}
	if n := len(log.http); n != 2 || log.http[1].Host != "inner.example" || log.http[1].Payload != "script" || !log.http[1].TLS {
		t.Errorf("requests %+v", log.http)
	}
}
