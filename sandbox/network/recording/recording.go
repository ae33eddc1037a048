// Package recording reads what real servers once answered, so that a run can be
// given the same again: bodies by URL, in a folder with a list of them.
//
// A folder goes in; answers come out, each body compared with its SHA-256 every
// time that it is read. The package fetches nothing.
package recording

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Manifest is the list's file name in its folder.
const Manifest = "manifest.json"

// Version is that of the list's form.
const Version = 1

// Bounds of a recording.
const (
	maxManifest  = 8 << 20  // bytes
	maxResponses = 10_000   //
	maxBody      = 64 << 20 // bytes of one body
	maxHeaders   = 50       // of one response
	maxText      = 8 << 10  // bytes of a URL, a header's value
)

// list is the manifest.
type list struct {
	Version   int        `json:"version"`
	Responses []Response `json:"responses"`
}

// Response is one recorded answer, as the manifest has it.
type Response struct {
	// URL is absolute, http or https, with query and without fragment. It is
	// compared as a whole.
	URL    string            `json:"url"`
	Method string            `json:"method,omitempty"` // default GET, which answers HEAD as well
	Status int               `json:"status,omitempty"` // default 200
	Header map[string]string `json:"headers,omitempty"`
	File   string            `json:"file"`   // of the body, relative to the folder
	SHA256 string            `json:"sha256"` // of the body: 64 hexadecimal digits
}

// Recording is an open folder. It is safe for concurrent use.
type Recording struct {
	root      *os.Root
	responses map[key]Response
}

type key struct{ method, url string }

// Open reads the list in a folder and compares every body with its hash. The
// error names the entry that is wrong.
func Open(dir string) (*Recording, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	r := &Recording{root: root}
	if err := r.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("recording %s: %w", dir, err), root.Close())
	}
	return r, nil
}

func (r *Recording) load() error {
	text, err := r.read(Manifest, maxManifest)
	if err != nil {
		return err
	}
	if r.responses, err = parse(text); err != nil {
		return err
	}
	for k, response := range r.responses {
		if _, err := r.body(response); err != nil {
			return fmt.Errorf("%s %s: %w", k.method, k.url, err)
		}
	}
	return nil
}

// parse reads a list, without the bodies.
func parse(text []byte) (map[key]Response, error) {
	var l list
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return nil, fmt.Errorf("%s: %w", Manifest, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, fmt.Errorf("%s: something follows the list", Manifest)
	}
	if l.Version != Version {
		return nil, fmt.Errorf("%s: version %d is not known, only %d", Manifest, l.Version, Version)
	}
	if len(l.Responses) > maxResponses {
		return nil, fmt.Errorf("%s: %d responses, more than %d", Manifest, len(l.Responses), maxResponses)
	}
	responses := make(map[key]Response, len(l.Responses))
	for i, response := range l.Responses {
		k, err := response.check()
		if err != nil {
			return nil, fmt.Errorf("%s: response %d: %w", Manifest, i, err)
		}
		if _, twice := responses[k]; twice {
			return nil, fmt.Errorf("%s: response %d: %s %s is there twice", Manifest, i, k.method, k.url)
		}
		responses[k] = response
	}
	return responses, nil
}

// check completes a response, and says under what it is found.
func (r *Response) check() (key, error) {
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	if r.Status == 0 {
		r.Status = http.StatusOK
	}
	u, err := url.Parse(r.URL)
	switch {
	case err != nil || len(r.URL) > maxText || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return key{}, fmt.Errorf("url %.200q is no absolute http or https URL", r.URL)
	case !token(r.Method):
		return key{}, fmt.Errorf("method %.200q is none", r.Method)
	case r.Status < 200 || r.Status > 599:
		return key{}, fmt.Errorf("status %d is outside 200 to 599", r.Status)
	case !filepath.IsLocal(r.File):
		return key{}, fmt.Errorf("file %.200q is not a path within the folder", r.File)
	case len(r.Header) > maxHeaders:
		return key{}, fmt.Errorf("%d headers, more than %d", len(r.Header), maxHeaders)
	}
	if sum, err := hex.DecodeString(r.SHA256); err != nil || len(sum) != sha256.Size {
		return key{}, fmt.Errorf("sha256 %.200q is not 64 hexadecimal digits", r.SHA256)
	}
	for name, value := range r.Header {
		if !token(name) || len(value) > maxText || strings.ContainsAny(value, "\r\n\x00") {
			return key{}, fmt.Errorf("header %.200q is none", name)
		}
		switch http.CanonicalHeaderKey(name) {
		case "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Trailer":
			return key{}, fmt.Errorf("header %s belongs to a connection, not to a recording: leave it out", name)
		}
	}
	return key{r.Method, normal(u)}, nil
}

// token tells a method or header name. RFC 9110 §5.6.2.
func token(s string) bool {
	return s != "" && len(s) <= 100 && !strings.ContainsFunc(s, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", c))
	})
}

// normal is a URL in the form in which it is compared: scheme and host in lower
// case, without the scheme's own port, never without path. RFC 3986 §6.2.3.
func normal(u *url.URL) string {
	scheme, host, path := strings.ToLower(u.Scheme), strings.ToLower(u.Host), u.EscapedPath()
	if port, ok := map[string]string{"http": ":80", "https": ":443"}[scheme]; ok {
		host = strings.TrimSuffix(host, port)
	}
	if path == "" {
		path = "/"
	}
	s := scheme + "://" + host + path
	if u.RawQuery != "" {
		s += "?" + u.RawQuery
	}
	return s
}

// Find is the recorded answer to a request, and its body. ok is false for what
// was not recorded; an error means that the body is not what it was.
func (r *Recording) Find(method string, u *url.URL) (response Response, body []byte, ok bool, err error) {
	k := key{method, normal(u)}
	response, ok = r.responses[k]
	if !ok && method == http.MethodHead {
		k.method = http.MethodGet
		response, ok = r.responses[k]
	}
	if !ok {
		return Response{}, nil, false, nil
	}
	body, err = r.body(response)
	return response, body, true, err
}

// Len is how many answers there are.
func (r *Recording) Len() int { return len(r.responses) }

// Close gives the folder back.
func (r *Recording) Close() error { return r.root.Close() }

// body reads a body and compares it with its hash.
func (r *Recording) body(response Response) ([]byte, error) {
	body, err := r.read(response.File, maxBody)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(body); !strings.EqualFold(hex.EncodeToString(sum[:]), response.SHA256) {
		return nil, fmt.Errorf("%s has SHA-256 %x, not %s: it was changed since it was recorded", response.File, sum, response.SHA256)
	}
	return body, nil
}

func (r *Recording) read(name string, limit int64) ([]byte, error) {
	f, err := r.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return b, nil
}

// Write makes a recording of bodies by URL in an existing folder.
func Write(dir string, bodies map[string][]byte) error {
	l := list{Version: Version}
	for u, body := range bodies {
		sum := sha256.Sum256(body)
		name := hex.EncodeToString(sum[:])
		if err := os.WriteFile(filepath.Join(dir, name), body, 0o644); err != nil {
			return fmt.Errorf("recording: %w", err)
		}
		l.Responses = append(l.Responses, Response{URL: u, File: name, SHA256: name})
	}
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, Manifest), append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	return nil
}
