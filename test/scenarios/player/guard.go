package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// played are the addresses that somebody answers at in the sandbox, and nobody
// on the internet: its own names (RFC 2544), documentation (RFC 5737), and
// those that no router forwards.
var played = []netip.Prefix{
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("169.254.0.0/16"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
}

// dial connects to host:port, unless that is somebody real: outside of the
// sandbox a name leads to an address that is not among played.
func dial(address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return dialContext(ctx, "tcp4", address)
}

func dialContext(ctx context.Context, _, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		found, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
		if err != nil {
			return nil, err
		}
		ip = found[0].Unmap()
	}
	if !slices.ContainsFunc(played, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil, fmt.Errorf("%s is %s, which is somebody real: this program only talks inside a sandbox", host, ip)
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp4", net.JoinHostPort(ip.String(), port))
}

// web is a client that trusts what the image trusts; insecure is one that
// trusts anybody, as clients of clusters are told to.
var (
	web      = client(nil)
	insecure = client(&tls.Config{InsecureSkipVerify: true})
)

func client(cfg *tls.Config) *http.Client {
	return &http.Client{Timeout: limit, Transport: &http.Transport{DialContext: dialContext, TLSClientConfig: cfg}}
}

// ask sends one request and returns what was answered.
func ask(c *http.Client, method, url, body string, header ...string) (string, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err == nil && resp.StatusCode >= 400 {
		err = fmt.Errorf("%s %s: %s", method, url, resp.Status)
	}
	return string(b), err
}

// try asks and only tells what came of it: worms and bots do not stop at a refusal.
func try(c *http.Client, method, url, body string, header ...string) string {
	answer, err := ask(c, method, url, body, header...)
	fmt.Println(method, url, len(answer), err)
	return answer
}

// knock tells whether a port takes connections.
func knock(address string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	conn, err := dialContext(ctx, "tcp4", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// lines is the lines of a text, without space around them.
func lines(text string) []string {
	var list []string
	for line := range bytes.Lines([]byte(text)) {
		if l := strings.TrimSpace(string(line)); l != "" {
			list = append(list, l)
		}
	}
	return list
}
