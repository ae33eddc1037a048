package visit

import (
	"bytes"
	"fmt"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Caps on what one answer may lead to.
const (
	maxLinks  = 64
	maxForms  = 8
	maxFields = 32
	maxTarget = 512 // bytes of a path with its query, or of a field
)

// form is what a page asks its reader to fill in.
type form struct {
	target string // path and query
	post   bool
	fields map[string]string // by name; empty: for the reader to fill in
}

// String tells forms apart.
func (f form) String() string {
	return fmt.Sprint("form ", f.post, f.target, slices.Sorted(maps.Keys(f.fields)))
}

// reveal lists what the answer to a request for at leads to on the same server:
// links of pages, forms, what robots.txt and site maps list, and what looks like
// a path in any other text. Files that are only shown are left out.
func reveal(at *url.URL, header http.Header, body []byte) (links []string, forms []form) {
	r := revealed{at: at}
	r.link(header.Get("Location"))
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case at.Path == "/robots.txt":
		r.robots(body)
	case strings.Contains(kind, "html"):
		r.page(body)
	case strings.HasSuffix(kind, "xml"):
		r.siteMap(body)
	case kind == "", strings.HasPrefix(kind, "text/"), strings.HasSuffix(kind, "json"):
		r.page(body) // small servers say of a page that it is plain text, or nothing
		r.text(body)
	}
	return r.links, r.forms
}

// revealed is what one answer leads to.
type revealed struct {
	at    *url.URL
	links []string
	forms []form
}

var (
	// shown are files that a browser only shows.
	shown = []string{
		".css", ".js", ".mjs", ".map", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".ico", ".webp", ".avif", ".woff", ".woff2", ".ttf", ".eot", ".otf",
		".pdf", ".zip", ".gz", ".mp3", ".mp4", ".webm", ".webmanifest", ".wasm",
	}
	// ending is what is better left alone, or there is nobody left to be asked;
	// and figures, whose collection does not suit every machine.
	ending = regexp.MustCompile(`(?i)/metrics$|shut-?_?down|\b(quit|halt|stop|kill|exit)\b|reboot|restart|log-?_?out|sign-?_?out|uninstall|delete|destroy`)
	// written is a path as text and programs have it.
	written = regexp.MustCompile(`(?:^|[\s"'` + "`" + `=(\[,:])(/[A-Za-z0-9_][A-Za-z0-9_.\-/]{0,100})`)
	located = regexp.MustCompile(`(?i)<loc>\s*([^<\s]{1,512})\s*</loc>`)
)

// resolve is a reference as path and query on the same server; "" for others.
func (r *revealed) resolve(ref string) string {
	ref = strings.TrimSpace(ref)
	if ref == "" || len(ref) > maxTarget {
		return ""
	}
	u, err := r.at.Parse(ref)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || !r.here(u) {
		return ""
	}
	folder := strings.HasSuffix(u.Path, "/")
	if u.Path, u.RawPath = path.Clean("/"+u.Path), ""; folder && u.Path != "/" {
		u.Path += "/"
	}
	if slices.Contains(shown, strings.ToLower(path.Ext(u.Path))) || ending.MatchString(u.Path) {
		return ""
	}
	target := u.EscapedPath()
	if u.RawQuery != "" && !strings.ContainsAny(u.RawQuery, " \r\n") {
		target += "?" + u.RawQuery
	}
	return target
}

// here tells whether u is on the server that answered: its port, by the name or
// an address that we or it may use.
func (r *revealed) here(u *url.URL) bool {
	if u.Host == r.at.Host {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified() || ip.IsPrivate())
	return local && (u.Port() == r.at.Port() || u.Port() == "")
}

func (r *revealed) link(ref string) {
	if target := r.resolve(ref); target != "" && len(r.links) < maxLinks && !slices.Contains(r.links, target) {
		r.links = append(r.links, target)
	}
}

// page reads HTML: https://html.spec.whatwg.org, §4.6.1, §4.10 for forms.
func (r *revealed) page(body []byte) {
	z := html.NewTokenizer(bytes.NewReader(body))
	var open *form
	done := func() {
		if open != nil && open.target != "" && len(r.forms) < maxForms {
			r.forms = append(r.forms, *open)
		}
		open = nil
	}
	defer done()
	script := false
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.TextToken:
			if script {
				r.text(z.Text())
			}
		case html.EndTagToken:
			switch name, _ := z.TagName(); string(name) {
			case "form":
				done()
			case "script":
				script = false
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			switch t.Data {
			case "a", "area":
				r.link(attribute(t, "href"))
			case "iframe", "frame":
				r.link(attribute(t, "src"))
			case "script":
				script = t.Type == html.StartTagToken
			case "form":
				done()
				open = r.form(t)
			case "input", "textarea", "select", "button":
				if open != nil {
					open.field(t)
				}
			}
		}
	}
}

func (r *revealed) form(t html.Token) *form {
	action := attribute(t, "action")
	if action == "" {
		action = r.at.RequestURI()
	}
	return &form{target: r.resolve(action), post: strings.EqualFold(attribute(t, "method"), "post"), fields: map[string]string{}}
}

// field adds a control. What a person does not write keeps its value.
func (f *form) field(t html.Token) {
	name := attribute(t, "name")
	if name == "" || len(name) > maxTarget || len(f.fields) >= maxFields {
		return
	}
	value := attribute(t, "value")
	switch strings.ToLower(attribute(t, "type")) {
	case "hidden", "submit", "button", "checkbox", "radio":
		if value == "" {
			value = "on"
		}
	default:
		value = ""
	}
	f.fields[name] = value[:min(len(value), maxTarget)]
}

func attribute(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// robots reads robots.txt: RFC 9309. What is disallowed is the most interesting.
func (r *revealed) robots(body []byte) {
	for line := range strings.Lines(string(body)) {
		line, _, _ = strings.Cut(line, "#")
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "allow", "disallow":
			value, _, _ = strings.Cut(value, "*")
			r.link(strings.TrimRight(strings.TrimSpace(value), "$"))
		case "sitemap":
			r.link(value)
		}
	}
}

// siteMap reads sitemap.xml: https://www.sitemaps.org/protocol.html.
func (r *revealed) siteMap(body []byte) {
	for _, m := range located.FindAllSubmatch(body, maxLinks) {
		r.link(html.UnescapeString(string(m[1])))
	}
}

func (r *revealed) text(body []byte) {
	for _, m := range written.FindAllSubmatch(body, 4*maxLinks) {
		r.link(string(m[1]))
	}
}
