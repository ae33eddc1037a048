package canary_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/zstd"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"

	"github.com/sallyport-dev/sallyport/internal/testenv"
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
	search.Close()
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

// packing compresses what is sent.
func packing(wrap func(io.Writer) io.WriteCloser) func(string) string {
	return func(s string) string {
		var b bytes.Buffer
		w := wrap(&b)
		io.WriteString(w, strings.Repeat("what is around it, too. ", 40)+s+" and more")
		w.Close()
		return b.String()
	}
}

func deflate(w io.Writer) io.WriteCloser {
	f, err := flate.NewWriter(w, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	return f
}

var (
	gzipped  = packing(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
	zlibbed  = packing(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
	deflated = packing(deflate)
	zstdded  = packing(func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z })
)

func zipped(s string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	first, _ := z.Create("a.txt")
	io.WriteString(first, strings.Repeat("nothing here. ", 30))
	w, _ := z.Create("home/.aws/credentials")
	io.WriteString(w, strings.Repeat("# a line of comment\n", 20)+s)
	z.Close()
	return b.String()
}

// tarball is a tar of one file, compressed.
func tarball(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	t := tar.NewWriter(z)
	t.WriteHeader(&tar.Header{Name: "root/secrets", Size: int64(len(s)), Mode: 0o600})
	io.WriteString(t, s)
	t.Close()
	z.Close()
	return b.String()
}

func bzipped(t *testing.T, s string) string {
	testenv.NeedCommand(t, "bzip2")
	cmd := exec.CommandContext(t.Context(), "bzip2", "-c")
	cmd.Stdin = strings.NewReader(s)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func mask(key string) func(string) string {
	return func(s string) string {
		b := []byte(s)
		for i := range b {
			b[i] ^= key[i%len(key)]
		}
		return string(b)
	}
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

func base64of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// jsonEscaped is how some encoders write text in JSON: all that is not a letter as \u00XX.
func jsonEscaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, `\u%04X`, s[i])
	}
	return b.String()
}

// encodings is what a thief may do to what is stolen, and how that is called.
func encodings(t *testing.T) map[string]struct {
	encode func(string) string
	want   string
} {
	type e = struct {
		encode func(string) string
		want   string
	}
	return map[string]e{
		"as it is":                    {func(s string) string { return s }, "raw"},
		"in JSON":                     {func(s string) string { b, _ := json.Marshal(s); return string(b) }, "raw"},
		"in escaped JSON":             {jsonEscaped, "url"},
		"in a form":                   {url.QueryEscape, "raw"}, // letters and digits stay
		"in capitals":                 {strings.ToUpper, "raw"},
		"in small letters":            {strings.ToLower, "raw"},
		"all characters percented":    {percentAll, "url"},
		"base64":                      {base64of, "base64"},
		"base64 one byte on":          {func(s string) string { return base64of("x" + s) }, "base64"},
		"base64 two bytes on":         {func(s string) string { return base64of("xy" + s) }, "base64"},
		"base64 for addresses":        {func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }, "base64"},
		"base64(1) with its 76 chars": {func(s string) string { return wrap(base64of(s), 76, "\n") }, "base64"},
		"wrapped base64 in JSON":      {func(s string) string { return wrap(base64of(s), 60, `\n`) }, "base64"},
		"wrapped base64 in a form":    {func(s string) string { return url.QueryEscape(wrap(base64of(s), 76, "\r\n")) }, "base64"},
		"base64 twice":                {func(s string) string { return base64of(base64of(s + strings.Repeat(".", 48))) }, "base64+base64"},
		"base64 backwards":            {func(s string) string { return reverse(base64of(s)) }, "base64+reversed"},
		"base64 of it backwards":      {func(s string) string { return base64of(reverse(s)) }, "reversed+base64"},
		"base32":                      {func(s string) string { return base32.StdEncoding.EncodeToString([]byte(s)) }, "base32"},
		"base32 three bytes on":       {func(s string) string { return base32.StdEncoding.EncodeToString([]byte("xyz" + s)) }, "base32"},
		"base32 in small letters":     {func(s string) string { return strings.ToLower(base32.HexEncoding.EncodeToString([]byte(s))) }, "base32"},
		"xxd -p":                      {func(s string) string { return wrap(hex.EncodeToString([]byte(s)), 60, "\n") }, "hex"},
		"upper hex":                   {func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) }, "hex"},
		"backwards":                   {reverse, "reversed"},
		"one byte's mask":             {mask("\x5a"), "xor"},
		"two bytes' mask":             {mask("\x5a\x13"), "xor"},
		"a WebSocket's mask":          {mask("\x37\xfa\x21\x3d"), "xor"},
		"base64 of masked":            {func(s string) string { return base64of(mask("\x80")(s + strings.Repeat(".", 48))) }, "base64+xor"},
		"masked base64":               {func(s string) string { return mask("\x11")(base64of(s)) }, "xor"},
		"gzip":                        {gzipped, "gzip"},
		"tar and gzip":                {tarball, "gzip"},
		"zlib":                        {zlibbed, "zlib"},
		"deflate in a body":           {deflated, "deflate"},
		"zip":                         {zipped, "zip"},
		"zstd":                        {zstdded, "zstd"},
		"bzip2":                       {func(s string) string { return bzipped(t, s) }, "bzip2"},
		"gzip cut short":              {func(s string) string { z := gzipped(s); return z[:len(z)-12] }, "gzip"},
		"gzip of base64":              {func(s string) string { return gzipped(base64of(s)) }, "gzip+base64"},
		"gzip of gzip":                {func(s string) string { return gzipped(gzipped(s)) }, "gzip+gzip"},
		"base64 of gzip":              {func(s string) string { return base64of(gzipped(s)) }, "base64+gzip"},
		"base64 of gzip in a form":    {func(s string) string { return "d=" + url.QueryEscape(wrap(base64of(gzipped(s)), 76, "\n")) }, "base64+gzip"},
		"base64 of gzip in a path":    {func(s string) string { return "/up/abc/" + base64.RawURLEncoding.EncodeToString([]byte(gzipped(s))) }, "base64+gzip"},
		"base64 of zlib after a word": {func(s string) string { return "xyz/" + base64of(zlibbed(s)) }, "base64+zlib"},
		"base64 of deflate":           {func(s string) string { return base64of(deflated(s)) }, "base64+deflate"},
		"hex of gzip":                 {func(s string) string { return hex.EncodeToString([]byte(gzipped(s))) }, "hex+gzip"},
		"hex of zlib after another":   {func(s string) string { return gzipped("nothing") + hex.EncodeToString([]byte(zlibbed(s))) + "!" }, "hex+zlib"},
	}
}

func TestEverySecretIsFoundInEveryEncoding(t *testing.T) {
	set := newSet(t)
	sizes := [2][]int{{0, 1, 700}, {0, 7, 1460}} // of the pieces of a stream
	for name, e := range encodings(t) {
		t.Run(name, func(t *testing.T) {
			for i, s := range set.Secrets() {
				if !secret(s.Name) || strings.HasPrefix(name, "bzip2") && i%8 != 0 { // another program each time
					continue
				}
				sent := "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n" + e.encode("some words "+s.Value) + " 100% the end\\"
				if name == "deflate in a body" {
					sent = "POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\n" + e.encode(s.Value)
				}
				for _, size := range sizes[i%2] {
					found := find(set, sent, size)
					want := e.want
					if name == "in a form" && !slices.Contains(found, s.Name+" raw") {
						want = "url" // a key's file is base64, with characters that forms escape
					}
					if !slices.Contains(found, s.Name+" "+want) {
						t.Errorf("%s in pieces of %d: found %v, not %s", s.Name, size, found, want)
					}
				}
			}
		})
	}
}

// What looks like a beginning in the digits of something packed does not hide
// what that holds, wherever it is.
func TestFalseBeginning(t *testing.T) {
	set := newSet(t)
	secret := set.Secrets()[slices.IndexFunc(set.Secrets(), func(s canary.Secret) bool { return secret(s.Name) })]
	for _, mark := range []string{"eJwA", "eNoA", "H4sI", "UEsD", "KLUv", "Qlpo"} {
		for off := range 4 {
			digits := strings.Repeat("A", 200+off) + mark + strings.Repeat("A", 200-off)
			filler, err := base64.StdEncoding.DecodeString(digits)
			if err != nil {
				t.Fatal(err)
			}
			var z bytes.Buffer
			w, err := gzip.NewWriterLevel(&z, gzip.NoCompression) // what is stored stays, 15 bytes on
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write(append(filler, secret.Value...))
			w.Close()
			sent := base64of(z.String())
			if !strings.Contains(sent, mark) {
				t.Fatalf("no %s in %s", mark, sent)
			}
			for _, size := range []int{0, 1, 7, 273} {
				if found := find(set, "\n"+sent+"\n", size); !slices.Contains(found, secret.Name+" base64+gzip") {
					t.Errorf("%s, %d off, in pieces of %d: found %v", mark, off, size, found)
				}
			}
		}
	}
}

// What is packed is looked at while the stream still goes on, and memory and
// time that it takes are bounded.
func TestPackedStreams(t *testing.T) {
	set := newSet(t)
	secret := set.Value(canary.GitToken)
	search := set.Search()
	io.WriteString(search, gzipped(secret)+strings.Repeat("and on it goes. ", 8))
	if len(search.Hits()) != 1 {
		t.Errorf("before the end of the stream: %v", search.Hits())
	}
	bomb := packing(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })(strings.Repeat("\x00", 64<<20))
	if found := find(set, bomb+gzipped(secret), 0); !slices.Contains(found, canary.GitToken+" gzip") {
		t.Errorf("after much that is little: %v", found)
	}
	noise := make([]byte, 3<<20)
	rand.Read(noise)
	if found := find(set, gzipped(string(noise))+gzipped(secret), 0); !slices.Contains(found, canary.GitToken+" gzip") {
		t.Errorf("after more than is kept: %v", found)
	}
	deep := secret
	for range 12 {
		deep = gzipped(deep)
	}
	if found := find(set, deep, 0); len(found) > 0 {
		t.Errorf("a dozen times deep: %v", found)
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
		"an encoding not covered": base64.NewEncoding("ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210/+").EncodeToString([]byte(set.Value(canary.GitToken))),
		"noise that is packed":    gzipped(string(noise)),
		"zeros":                   strings.Repeat("\x00", 1<<16),
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
	files := slices.Concat(set.Files("/home/app"), set.Documents("/home/app/Documents"), set.Host("/host"))
	for _, f := range files {
		inHome := strings.HasPrefix(f.Path, "/home/app/")
		if !inHome && !strings.HasPrefix(f.Path, "/host/") && !strings.HasPrefix(f.Path, "/var/run/secrets/") && !strings.HasPrefix(f.Path, "/run/secrets/") {
			t.Errorf("%s is neither in the home nor a mounted secret", f.Path)
		}
		if inHome != f.Own {
			t.Errorf("%s: the user's own: %v", f.Path, f.Own)
		}
		if f.Mode&^0o777 != 0 || f.Mode&0o400 == 0 {
			t.Errorf("%s: mode %o", f.Path, f.Mode)
		}
		found := find(set, string(f.Content), 0)
		for _, found := range found {
			all[strings.Fields(found)[0]] = true
		}
		if strings.Contains(f.Path, "/Documents/") && len(found) == 0 {
			t.Errorf("%s does not hold the document's secret", f.Path)
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

// Programs that read these files must take them for what they are.
func TestFilesHaveTheirForms(t *testing.T) {
	set := newSet(t)
	for _, f := range append(set.Files("/root"), set.Documents("/root")...) {
		var err error
		switch {
		case strings.HasSuffix(f.Path, ".json"), strings.Contains(f.Path, "/keystore/"):
			var v any
			err = json.Unmarshal(f.Content, &v)
		case strings.HasSuffix(f.Path, ".docx"), strings.HasSuffix(f.Path, ".xlsx"):
			_, err = zip.NewReader(bytes.NewReader(f.Content), int64(len(f.Content)))
		case strings.HasSuffix(f.Path, ".csv"):
			_, err = csv.NewReader(bytes.NewReader(f.Content)).ReadAll()
		case strings.HasSuffix(f.Path, ".pdf"):
			at := bytes.LastIndex(f.Content, []byte("startxref\n"))
			var xref int
			if _, err = fmt.Sscan(string(f.Content[at+len("startxref\n"):]), &xref); err == nil && !bytes.HasPrefix(f.Content[xref:], []byte("xref\n")) {
				err = fmt.Errorf("no table at %d", xref)
			}
		case strings.HasSuffix(f.Path, "/known_hosts"):
			_, _, _, _, _, err = ssh.ParseKnownHosts(f.Content)
		case strings.HasSuffix(f.Path, "/.kube/config"):
			var v struct {
				Users []struct{ User struct{ Token string } }
			}
			if err = yaml.Unmarshal(f.Content, &v); err == nil && (len(v.Users) != 1 || v.Users[0].User.Token != set.Value(canary.KubeconfigToken)) {
				err = fmt.Errorf("read %+v", v)
			}
		}
		if err != nil {
			t.Errorf("%s: %v", f.Path, err)
		}
	}
	block, _ := pem.Decode([]byte(set.Value(canary.GCPPrivateKey)))
	if block == nil || block.Type != "PRIVATE KEY" {
		t.Fatal("the service account's key is none")
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
		"in base32":                   {wrap(strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte("t="+token))), 31, ".") + ".evil.example."},
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
		for _, middle := range []string{value, base64of(string(before) + value), hex.EncodeToString([]byte(value)), gzipped(value), base64of(gzipped(value))} {
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
			search.Close()
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
	noise := make([]byte, len(plain))
	rand.Read(noise)
	for name, data := range map[string][]byte{
		"plain": plain, "escaped": bytes.ReplaceAll(plain, []byte(" "), []byte("%20")), "noise": noise, "base64": []byte(base64of(string(noise))), "gzip": []byte(gzipped(string(noise))),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			began := used()
			for b.Loop() {
				search := set.Search()
				search.Write(data)
				search.Close()
			}
			b.ReportMetric(float64(len(data))*float64(b.N)/1e6/(used()-began).Seconds(), "MB/cpu-s")
		})
	}
}

// used is the processor time of this process: on a busy machine it says more
// than the clock.
func used() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
