package canary_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/crypto/ssh"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
)

func newSet(t testing.TB) *canary.Set {
	t.Helper()
	set, err := canary.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// secret tells whether a name is searched for; identifiers are not.
func secret(name string) bool {
	return name != canary.AWSAccessKeyID && name != canary.IMDSAccessKeyID
}

// find searches data cut into pieces of size bytes (0: at once).
func find(set *canary.Set, data string, size int) []string {
	search := set.Search()
	if size == 0 {
		size = max(len(data), 1)
	}
	for piece := range slices.Chunk([]byte(data), size) {
		search.Write(piece)
	}
	var found []string
	for _, h := range search.Hits() {
		found = append(found, h.Name+" "+h.Encoding)
	}
	slices.Sort(found)
	return found
}

func wrap(s string, width int, separator string) string {
	var lines []string
	for line := range slices.Chunk([]byte(s), width) {
		lines = append(lines, string(line))
	}
	return strings.Join(lines, separator)
}

func percentAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

func TestEverySecretIsFoundInEveryEncoding(t *testing.T) {
	encodings := map[string]struct {
		encode func(string) string
		want   string
	}{
		"as it is":                    {func(s string) string { return s }, "raw"},
		"in JSON":                     {func(s string) string { b, _ := json.Marshal(s); return string(b) }, "raw"},
		"form value":                  {url.QueryEscape, "raw"}, // letters and digits stay
		"all characters percented":    {percentAll, "url"},
		"base64":                      {func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }, "base64"},
		"base64 one byte on":          {func(s string) string { return base64.StdEncoding.EncodeToString([]byte("x" + s)) }, "base64"},
		"base64 two bytes on":         {func(s string) string { return base64.StdEncoding.EncodeToString([]byte("xy" + s)) }, "base64"},
		"base64 for addresses":        {func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }, "base64"},
		"base64(1) with its 76 chars": {func(s string) string { return wrap(base64.StdEncoding.EncodeToString([]byte(s)), 76, "\n") }, "base64"},
		"wrapped base64 in JSON":      {func(s string) string { return wrap(base64.StdEncoding.EncodeToString([]byte(s)), 60, `\n`) }, "base64"},
		"wrapped base64 in a form": {func(s string) string {
			return url.QueryEscape(wrap(base64.StdEncoding.EncodeToString([]byte(s)), 76, "\r\n"))
		}, "base64"},
		"xxd -p":    {func(s string) string { return wrap(hex.EncodeToString([]byte(s)), 60, "\n") }, "hex"},
		"upper hex": {func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }, "hex"},
	}
	set := newSet(t)
	for name, e := range encodings {
		t.Run(name, func(t *testing.T) {
			for _, s := range set.Secrets() {
				if !secret(s.Name) {
					continue
				}
				for _, size := range []int{0, 1, 7, 64} {
					sent := "POST / HTTP/1.1\r\n\r\n" + e.encode("some words "+s.Value) + " 100% the end\\"
					found := find(set, sent, size)
					want := e.want
					if name == "form value" && s.Name == canary.SSHPrivateKey && !slices.Contains(found, s.Name+" raw") {
						want = "url" // the key's file is base64, with characters that forms escape
					}
					if !slices.Contains(found, s.Name+" "+want) {
						t.Errorf("%s in pieces of %d: found %v", s.Name, size, found)
					}
				}
			}
		})
	}
}

func TestNothingElseIsFound(t *testing.T) {
	set, other := newSet(t), newSet(t)
	noise := make([]byte, 1<<20)
	rand.Read(noise)
	for name, sent := range map[string]string{
		"nothing":                 "",
		"noise":                   string(noise),
		"noise in base64":         base64.StdEncoding.EncodeToString(noise),
		"another run's secrets":   fmt.Sprint(other.Secrets()),
		"the access key's id":     set.Value(canary.AWSAccessKeyID),
		"half a secret":           set.Value(canary.NPMToken)[:20],
		"the public half":         publicKey(t, set),
		"a secret with a hole":    set.Value(canary.GitToken)[:12] + " " + set.Value(canary.GitToken)[12:],
		"an encoding not covered": base32.StdEncoding.EncodeToString([]byte(set.Value(canary.GitToken))),
	} {
		if found := find(set, sent, 0); len(found) > 0 {
			t.Errorf("%s: found %v", name, found)
		}
	}
}

func publicKey(t *testing.T, set *canary.Set) string {
	key, err := ssh.ParsePrivateKey([]byte(set.Value(canary.SSHPrivateKey)))
	if err != nil {
		t.Fatalf("the planted key is no key: %v", err)
	}
	return string(ssh.MarshalAuthorizedKey(key.PublicKey()))
}

func TestFilesHoldTheSecrets(t *testing.T) {
	set := newSet(t)
	all := map[string]bool{}
	for _, f := range set.Files("/home/app") {
		if !strings.HasPrefix(f.Path, "/home/app/.") && !strings.HasPrefix(f.Path, "/var/run/secrets/") {
			t.Errorf("%s is neither in the home nor a mounted secret", f.Path)
		}
		if f.Mode&^0o777 != 0 || f.Mode&0o400 == 0 {
			t.Errorf("%s: mode %o", f.Path, f.Mode)
		}
		for _, found := range find(set, string(f.Content), 0) {
			all[strings.Fields(found)[0]] = true
		}
	}
	for _, v := range set.Environment() {
		for _, found := range find(set, v, 0) {
			all[strings.Fields(found)[0]] = true
		}
	}
	for _, s := range set.Secrets() {
		if planted := !strings.HasPrefix(s.Name, "imds_") && secret(s.Name); planted && !all[s.Name] {
			t.Errorf("%s is not planted anywhere", s.Name)
		}
	}
}

func TestTwoSetsShareNoSecret(t *testing.T) {
	a, b := newSet(t), newSet(t)
	for _, s := range a.Secrets() {
		if s.Value == "" || s.Value == b.Value(s.Name) {
			t.Errorf("%s: %q in both", s.Name, s.Value)
		}
	}
	if a.Value("no such secret") != "" {
		t.Error("a secret that does not exist has a value")
	}
}

func TestNewReportsABrokenRandomSource(t *testing.T) {
	broken := errors.New("no entropy")
	if _, err := canary.New(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestHitBelongs(t *testing.T) {
	hit := canary.Hit{Owner: []string{"amazonaws.com", "10.96.0.1"}}
	for host, want := range map[string]bool{
		"amazonaws.com":                       true,
		"S3.eu-central-1.amazonaws.com.":      true,
		"10.96.0.1":                           true,
		"amazonaws.com.evil.example":          false,
		"notamazonaws.com":                    false,
		"1.10.96.0.1":                         false,
		"":                                    false,
		"198.51.100.7":                        false,
		"amazonaws.com@collector.example.org": false,
	} {
		if got := hit.Belongs(host); got != want {
			t.Errorf("%q: %v, want %v", host, got, want)
		}
	}
}

func TestSecretsSplitOverNames(t *testing.T) {
	set := newSet(t)
	token := set.Value(canary.NPMToken)
	encoded := hex.EncodeToString([]byte("token=" + token))
	ask := func(names ...string) (found []string) {
		search := set.SearchNames()
		for _, name := range names {
			for _, h := range search.Add(name) {
				found = append(found, h.Name+" "+h.Encoding)
			}
		}
		return found
	}
	chunk := func(format string, size int) (names []string) {
		for i, c := range slices.Collect(slices.Chunk([]byte(encoded), size)) {
			name := strings.NewReplacer("#", fmt.Sprint(i), "*", string(c)).Replace(format)
			names = append(names, name, name) // A and AAAA
		}
		return names
	}
	for name, names := range map[string][]string{
		"in one label":                {token + ".evil.example."},
		"over labels":                 {wrap(encoded, 30, ".") + ".evil.example."},
		"over queries":                chunk("*.evil.example.", 30),
		"over queries, with counters": chunk("#.*.evil.example.", 24),
		"with a session's name":       chunk("*.session77.evil.example.", 40),
	} {
		if found := ask(names...); len(found) != 1 || !strings.HasPrefix(found[0], canary.NPMToken) {
			t.Errorf("%s: %v found in %v", name, found, names)
		}
	}
	for name, names := range map[string][]string{
		"ordinary names":       {"registry.npmjs.org.", "a.root-servers.net", "localhost", "", "."},
		"halves in two zones":  {token[:20] + ".one.example", token[20:] + ".two.example"},
		"too many other zones": manyZones(3000),
	} {
		if found := ask(names...); len(found) != 0 {
			t.Errorf("%s: found %v", name, found)
		}
	}
}

func manyZones(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("www.zone%d.example", i))
	}
	return names
}

// Whatever surrounds a secret and however the stream is cut, it is found.
func FuzzSearch(f *testing.F) {
	set := newSet(f)
	value := set.Value(canary.GitToken)
	f.Add([]byte("before"), []byte("after"), uint64(1))
	f.Add([]byte("100%"), []byte("%"), uint64(2))
	f.Add([]byte(`\`), []byte(`\u00`), uint64(3))
	f.Add([]byte("%4"), []byte("1%zz%%41"), uint64(4))
	f.Add([]byte(value[:9]), []byte(value), uint64(5))
	f.Fuzz(func(t *testing.T, before, after []byte, seed uint64) {
		rng := mathrand.New(mathrand.NewPCG(seed, 0))
		for _, middle := range []string{value, base64.StdEncoding.EncodeToString(append(before, value...)), hex.EncodeToString([]byte(value))} {
			sent := slices.Concat(before, []byte(middle), after)
			whole := find(set, string(sent), 0)
			if !slices.ContainsFunc(whole, func(s string) bool { return strings.HasPrefix(s, canary.GitToken) }) {
				t.Fatalf("not found in %q", sent)
			}
			search := set.Search()
			for rest := sent; len(rest) > 0; {
				n := 1 + rng.IntN(len(rest))
				search.Write(rest[:n])
				rest = rest[n:]
			}
			if len(search.Hits()) != len(whole) {
				t.Fatalf("cut: %v, whole: %v", search.Hits(), whole)
			}
		}
	})
}

func FuzzNameSearch(f *testing.F) {
	set := newSet(f)
	f.Add("a.b.c.example.", "..")
	f.Add(strings.Repeat("x.", 120), "\x00.\xff.example")
	f.Fuzz(func(t *testing.T, first, second string) {
		search := set.SearchNames()
		if hits := append(search.Add(first), search.Add(second)...); len(hits) > 0 {
			t.Fatalf("%v found in %q, %q", hits, first, second)
		}
	})
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newSet(b)
	}
}

func BenchmarkSearch(b *testing.B) {
	set := newSet(b)
	plain := bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog. 0123456789\n"), 1<<14)
	escaped := bytes.ReplaceAll(plain, []byte(" "), []byte("%20"))
	for name, data := range map[string][]byte{"plain": plain, "escaped": escaped} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				set.Search().Write(data)
			}
		})
	}
}
