package visit

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/testenv"
)

const word = "KTW2GEJ5QXBN7AHTLY3MQRSTUV"

// site is a web server that notes what it is asked.
type site struct {
	mu    sync.Mutex
	asked []string // method and path
	serve http.HandlerFunc
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	s.serve(w, r)
}

func (s *site) count(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.asked {
		if strings.HasPrefix(a, what) {
			n++
		}
	}
	return n
}

func visitorOf(t *testing.T, address string) *Visitor {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	return &Visitor{
		Port: uint16(n), Word: word, Log: slog.New(slog.DiscardHandler), Taken: func(context.Context) {},
		Dial: func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", address)
		},
	}
}

func call(t *testing.T, s *site) *Visitor {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	v := visitorOf(t, server.Listener.Addr().String())
	if !v.Call(t.Context()) {
		t.Fatal("nobody was there")
	}
	return v
}

// TestAsksWhereTheServerLeads: from page to page, by forms, by lists, and by
// what is known otherwise, and nowhere else.
func TestAsksWhereTheServerLeads(t *testing.T) {
	t.Parallel()
	var ordered sync.Map // paths at which an order came, by how
	s := &site{serve: func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for how, text := range map[string]string{"query": r.URL.Query().Get("cmd"), "body": string(body), "header": r.Header.Get("X-Cmd")} {
			if strings.Contains(text, word) {
				ordered.Store(how+" "+r.URL.Path, true)
			}
		}
		switch r.URL.Path {
		case "/":
			fmt.Fprint(w, `<a href="tools/?lang=en">x</a><a href="http://other.example.test/away">y</a><img src="/logo.png"><a href="/style.css">z</a><a href="/logout">q</a>`)
		case "/tools/":
			fmt.Fprint(w, `<form method=post action="run"><input type=hidden name=csrf value=abc><input name=line></form><script>fetch("/api/v2/jobs")</script>`)
		case "/tools/run":
			if form, _ := url.ParseQuery(string(body)); form.Get("csrf") == "abc" && strings.Contains(form.Get("line"), word) {
				ordered.Store("form", true)
			}
		case "/robots.txt":
			fmt.Fprint(w, "User-agent: *\nDisallow: /hidden/ # not for all\nSitemap: /sitemap.xml\n")
		case "/sitemap.xml":
			w.Header().Set("Content-Type", "application/xml")
			fmt.Fprintf(w, `<urlset><url><loc>http://%s/mapped?a=1&amp;b=2</loc></url></urlset>`, r.Host)
		case "/api/v2/jobs":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"next":"/api/v2/more"}`)
		case "/api/v2/more", "/hidden/", "/mapped", "/known.php":
		default:
			http.NotFound(w, r)
		}
	}}
	server := httptest.NewServer(s)
	defer server.Close()
	v := visitorOf(t, server.Listener.Addr().String())
	v.Paths = func() []string { return []string{"/known.php"} }
	if !v.Call(t.Context()) || s.count("GET /tools/") > 0 {
		t.Fatalf("asked %v", s.asked)
	}
	v.Again(t.Context(), false)
	for _, what := range []string{
		"query /", "body /", "header /", "query /tools/", "form", "query /api/v2/jobs", "query /api/v2/more", "query /hidden/", "query /mapped", "body /mapped", "query /known.php", "body /known.php",
	} {
		if _, ok := ordered.Load(what); !ok {
			t.Errorf("no order came: %s", what)
		}
	}
	for _, what := range []string{"GET /away", "GET /logo.png", "GET /style.css", "GET /logout"} {
		if s.count(what) > 0 {
			t.Errorf("it was asked: %s", what)
		}
	}
	// Again: nothing is asked twice but the first page, and what is new.
	before := s.count("")
	known := []string{"/known.php", "/new.php"}
	v.Paths = func() []string { return known }
	v.Again(t.Context(), false)
	if s.count("GET /new.php") == 0 || s.count("GET /known.php") != 2 || s.count("")-before > 12 {
		t.Errorf("the second time it was asked %v", s.asked[before:])
	}
}

// TestStopsWhenAnOrderWasObeyed: by what the answer says, or by what was seen.
func TestStopsWhenAnOrderWasObeyed(t *testing.T) {
	t.Parallel()
	testenv.NeedCommand(t, "dash")
	s := &site{serve: func(w http.ResponseWriter, r *http.Request) {
		out, _ := exec.Command("dash", "-c", r.FormValue("cmd")).CombinedOutput()
		fmt.Fprintf(w, `%s <a href="/more">`, out)
	}}
	v := call(t, s)
	if s.count("POST") > 0 {
		t.Errorf("it was asked %v", s.asked)
	}
	if v.Again(t.Context(), false); v.asked["/more"] || s.count("POST") > 0 {
		t.Errorf("it was asked %v", s.asked)
	}
	quiet := &site{serve: func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<a href="/more">`) }}
	server := httptest.NewServer(quiet)
	defer server.Close()
	v = visitorOf(t, server.Listener.Addr().String())
	v.Obeyed = func() bool { return quiet.count("GET /") > 1 } // after the first order
	v.Call(t.Context())
	v.Again(t.Context(), false)
	if quiet.count("POST") > 0 || v.asked["/more"] {
		t.Errorf("it was asked %v", quiet.asked)
	}
}

// TestVisitsAreBounded: a site without end, and one that does not answer.
func TestVisitsAreBounded(t *testing.T) {
	t.Parallel()
	page := 0
	var mu sync.Mutex
	s := &site{serve: func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		for range 50 {
			page++
			fmt.Fprintf(w, `<a href="/p%d">.</a><form action="/f%d"><input name=a></form>`, page, page)
		}
	}}
	call(t, s).Again(t.Context(), false)
	if n := s.count(""); n > 20+4*maxPages {
		t.Errorf("%d requests", n)
	}
	hangs := &site{}
	hangs.serve = func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.RawQuery == "" {
			fmt.Fprint(w, strings.Repeat(`<a href="/q">.</a>`, 3))
			return
		}
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
		}
	}
	call(t, hangs).Again(t.Context(), false)
	if n := hangs.count("POST"); n > 2*maxMissed {
		t.Errorf("%d requests although nothing came", n)
	}
}

// recorded notes what is said, in the clear or inside of TLS.
type recorded struct {
	net.Conn
	said *strings.Builder
}

func (r *recorded) Write(p []byte) (int, error) {
	r.said.Write(p)
	return r.Conn.Write(p)
}

func (r *recorded) Decrypted(plain net.Conn) net.Conn {
	r.said.Reset()
	return &recorded{plain, r.said}
}

func TestOrdersInsideOfTLSAreRecorded(t *testing.T) {
	t.Parallel()
	s := &site{serve: func(http.ResponseWriter, *http.Request) {}}
	server := httptest.NewTLSServer(s)
	defer server.Close()
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	v := visitorOf(t, server.Listener.Addr().String())
	var mu sync.Mutex
	var all []*strings.Builder
	dial := v.Dial
	v.Dial = func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		said := &strings.Builder{}
		mu.Lock()
		all = append(all, said)
		mu.Unlock()
		return &recorded{c, said}, nil
	}
	if !v.Call(t.Context()) || v.met != webTLS {
		t.Fatalf("met %v", v.met)
	}
	if !slices.ContainsFunc(all, func(s *strings.Builder) bool { return strings.Contains(s.String(), `"cmd":"echo `+word) }) {
		t.Error("no order is recorded")
	}
}

// TestCGI gives orders to a script that a real web server starts.
func TestCGI(t *testing.T) {
	t.Parallel()
	testenv.NeedCommand(t, "busybox")
	dir := t.TempDir()
	const script = "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\ncmd=${QUERY_STRING#*cmd=}\neval \"$(busybox httpd -d \"${cmd%%&*}\")\"\n"
	if err := os.MkdirAll(filepath.Join(dir, "cgi-bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"index.html": "<p>Welcome</p>", "cgi-bin/status.cgi": script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	server := exec.CommandContext(ctx, "busybox", "httpd", "-f", "-p", address, "-h", dir)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { cancel(); _ = server.Wait() }()
	var heard strings.Builder
	v := visitorOf(t, address)
	v.Paths = func() []string { return []string{"/cgi-bin/status.cgi"} }
	dial := v.Dial
	v.Dial = func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return &hearing{c, &heard}, nil
	}
	for range 100 { // until it listens
		if v.Call(t.Context()) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	v.Again(t.Context(), false)
	if !regexp.MustCompile(word + `P\d+N\d+X1337\n`).MatchString(heard.String()) {
		t.Errorf("it did not obey: %s", heard.String())
	}
}

type hearing struct {
	net.Conn
	heard *strings.Builder
}

func (h *hearing) Read(p []byte) (int, error) {
	n, err := h.Conn.Read(p)
	h.heard.Write(p[:n])
	return n, err
}

// TestCalledAgain: a server that becomes a shell later on.
func TestCalledAgain(t *testing.T) {
	t.Parallel()
	testenv.NeedCommand(t, "dash")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var mu sync.Mutex
	shell, did := false, ""
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				mu.Lock()
				defer mu.Unlock()
				if !shell {
					return
				}
				sh := exec.Command("dash")
				sh.Stdin = c
				out, _ := sh.Output()
				did += string(out)
			}()
		}
	}()
	v := visitorOf(t, l.Addr().String())
	if !v.Call(t.Context()) {
		t.Fatal("nobody was there")
	}
	mu.Lock()
	shell = true
	mu.Unlock()
	v.Again(t.Context(), false)
	mu.Lock()
	if did != "" {
		t.Errorf("although nothing has changed it did %q", did)
	}
	mu.Unlock()
	v.Again(t.Context(), true)
	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(did, "1337"+word) {
		t.Errorf("it did %q", did)
	}
}

// TestHostileServers: answers without end, and more than was asked for.
func TestHostileServers(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(io.Writer){
		"headers without end": func(w io.Writer) {
			_, err := io.WriteString(w, "HTTP/1.1 200 OK\r\n")
			for err == nil {
				_, err = io.WriteString(w, "X: "+strings.Repeat("y", 1000)+"\r\n")
			}
		},
		"a body without end": func(w io.Writer) {
			_, err := io.WriteString(w, "HTTP/1.1 200 OK\r\n\r\n")
			for err == nil {
				_, err = io.WriteString(w, strings.Repeat("<a href=/x>", 100))
			}
		},
		"more than was asked for": func(w io.Writer) {
			_, _ = io.WriteString(w, strings.Repeat("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 3))
		},
		"announcements without end": func(w io.Writer) {
			_, err := io.WriteString(w, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			for err == nil {
				_, err = io.WriteString(w, "HTTP/1.1 102 Processing\r\n\r\n")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					go func() {
						defer c.Close()
						buf := make([]byte, 4<<10)
						for {
							if n, err := c.Read(buf); err != nil || !strings.Contains(string(buf[:n]), " HTTP/1.1\r\n") {
								return
							}
							answer(c)
						}
					}()
				}
			}()
			v := visitorOf(t, l.Addr().String())
			if !v.Call(t.Context()) {
				t.Error("nobody was there")
			}
			v.Again(t.Context(), true)
		})
	}
}
