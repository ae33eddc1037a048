package responder_test

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
)

// Each of these begins with what makes the protocol certain, so that all the
// rest of the input goes to its parser.

func FuzzHTTP(f *testing.F) {
	table := everything(f)
	f.Add("GET", "/x.sh", "Host: a.example\r\n", "")
	f.Add("POST", "http://a.example/y?z=1", "Content-Length: 3\r\nExpect: 100-continue\r\n", "abc")
	f.Add("PUT", "/latest/api/token", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n")
	f.Add("HEAD", "*", "Host: [::1]:80\r\nConnection: close\r\n", "")
	f.Add("GET", "/%zz", "Content-Length: 1\r\nContent-Length: 2\r\n", "x")
	f.Fuzz(func(t *testing.T, method, uri, headers, body string) {
		log, heard := talk(t, table, 80, strings.NewReader(method+" "+uri+" HTTP/1.1\r\n"+headers+"\r\n"+body))
		if len(log.http) > 0 && !strings.HasPrefix(heard, "HTTP/1.1 ") {
			t.Fatalf("answered %q", heard)
		}
	})
}

func FuzzDocker(f *testing.F) {
	table := everything(f)
	f.Add("POST", "containers/create", `{"Image":"a","Cmd":["b"],"Entrypoint":"c","HostConfig":{"Privileged":true,"Binds":["/:/h"],"Mounts":[{"Source":"/"}]}}`)
	f.Add("POST", "exec/1/start", `{}`)
	f.Add("GET", "containers/x/json", ``)
	f.Add("POST", "containers/create", `{"Cmd":{"a":[1,null]},"HostConfig":[]}`)
	f.Fuzz(func(t *testing.T, method, endpoint, body string) {
		words := fmt.Sprintf("%s /v1.43/%s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", method, endpoint, len(body), body)
		if log, _ := talk(t, table, 2375, strings.NewReader(words)); log.app == "docker" && len(log.messages) == 0 {
			t.Fatal("a call without message")
		}
	})
}

func FuzzIRC(f *testing.F) {
	table := everything(f)
	f.Add("USER a b c :d\r\nJOIN #a,#b\r\n")
	f.Add(":\r\n: \r\n :\r\nJOIN\r\nPRIVMSG\r\nCAP LS\r\nPING :\r\n\r\n")
	f.Fuzz(func(t *testing.T, lines string) {
		log, heard := talk(t, table, 6667, strings.NewReader("NICK a\r\n"+lines))
		if log.app != "irc" || !strings.HasPrefix(heard, ":irc.example.net") {
			t.Fatalf("%s heard %q", log.app, heard)
		}
	})
}

func FuzzStratum(f *testing.F) {
	table := everything(f)
	f.Add(`{"id":1,"method":"mining.authorize","params":["a","b"]}`)
	f.Add(`{"id":[{}],"method":"login","params":{"login":5}}` + "\n" + `{"method":"mining.submit","params":null}`)
	f.Fuzz(func(t *testing.T, lines string) {
		log, _ := talk(t, table, 3333, strings.NewReader(`{"id":1,"method":"mining.subscribe","params":[]}`+"\n"+lines))
		if log.app != "stratum" || log.messages[0].Type != "mining.subscribe" {
			t.Fatalf("%s with %+v", log.app, log.messages)
		}
	})
}

func FuzzRedis(f *testing.F) {
	table := everything(f)
	f.Add("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n")
	f.Add("*0\r\n*-1\r\n")
	f.Add("*1\r\n$-1\r\n")
	f.Add("*1025\r\n")
	f.Add("CONFIG GET dir\r\nQUIT\r\n")
	f.Add("*1\r\n$0\r\n\r\n")
	f.Fuzz(func(t *testing.T, commands string) {
		log, heard := talk(t, table, 6379, strings.NewReader("*1\r\n$4\r\nPING\r\n"+commands))
		if log.app != "redis" || !strings.HasPrefix(heard, "+PONG\r\n") {
			t.Fatalf("%s heard %q", log.app, heard)
		}
	})
}

func FuzzSMTP(f *testing.F) {
	table := everything(f)
	f.Add("MAIL FROM:<a>\r\nDATA\r\nSubject: x\r\n\r\n.\r\nQUIT\r\n")
	f.Add("AUTH LOGIN\r\n\r\n\r\nAUTH PLAIN x\r\nSTARTTLS\r\n")
	f.Fuzz(func(t *testing.T, lines string) {
		log, heard := talk(t, table, 25, strings.NewReader("EHLO a\r\n"+lines))
		if log.app != "smtp" || !strings.HasPrefix(heard, "220 ") {
			t.Fatalf("%s heard %q", log.app, heard)
		}
	})
}

func FuzzSSH(f *testing.F) {
	table := everything(f)
	f.Add("2.0-x\r\n\x00\x00\x00\x0c\x0a\x14")
	f.Add("1.99-\r\n")
	f.Fuzz(func(t *testing.T, rest string) {
		if log, _ := talk(t, table, 22, strings.NewReader("SSH-"+rest)); log.app != "ssh" {
			t.Fatalf("is %s", log.app)
		}
	})
}

func FuzzTLS(f *testing.F) {
	table := everything(f)
	recorded := &monologue{Reader: strings.NewReader("")}
	_ = tls.Client(recorded, &tls.Config{ServerName: "a.example", Rand: rand.Reader}).Handshake()
	f.Add([]byte(recorded.heard.String()[6:]))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, rest []byte) {
		words := append([]byte("\x16\x03\x01\x02\x00\x01"), rest...)
		log, _ := talk(t, table, 443, strings.NewReader(string(words)))
		if log.app != "tls" || len(log.messages) != 1 || log.inner {
			t.Fatalf("%s with %+v", log.app, log.messages)
		}
	})
}

func FuzzMemcachedDatagram(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x00\x00\x01\x00\x00stats\r\n"))
	f.Add([]byte("\x00\x01\x00\x00\x00\x01\x00\x00set a 0 0 1\r\nb\r\n"))
	f.Add([]byte("\x00\x01\x00\x00\x00\x02\x00\x00"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		log := &notes{}
		answer := responder.MemcachedDatagram(payload, log)
		if answer != nil && (log.app != "memcached" || len(log.messages) != 1 || !bytes.Equal(answer[:2], payload[:2]) || len(answer) > 512) {
			t.Fatalf("%q is answered with %q, noted %+v", payload, answer, log)
		}
	})
}
