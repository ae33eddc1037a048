package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
)

var update = flag.Bool("update", false, "rewrite golden files")

// example is a report with something in every section; what the guest wrote is hostile.
func example() *report.Report {
	start := time.Date(2026, 11, 24, 9, 0, 0, 0, time.UTC)
	r := &report.Report{
		SchemaVersion: 1, ID: "run1",
		Tool: report.Tool{Name: "sallyport", Version: "v1", Ruleset: "sha256:aa", AttackVersion: "18", Runtime: "gvisor"},
		Image: report.Image{
			Reference: "docker.io/acme/app:1", Digest: "sha256:0123", Platform: image.Platform{OS: "linux", Architecture: "amd64"},
			ConfigDigest: "sha256:4567", Entrypoint: []string{"/app"}, Cmd: []string{}, Exposed: []string{"80/tcp"},
		},
		Run: report.Run{
			Started: start, Finished: start.Add(6 * time.Second), DurationS: 6.25, NetworkMode: "simulated", Passes: []string{"default"},
			Exit: &report.Exit{Code: 137, Signal: 9}, Status: "completed",
			Coverage: report.Coverage{RanEntrypoint: true, FullWindow: true, PortsProbed: []int{80}, UnmetDownloads: []string{}, Unsupported: []string{}, EventsTotal: 120},
		},
		Verdict: report.Malicious, Malicious: true, Severity: report.Critical, Score: 94,
		Summary:     "malicious: Shell on an outbound connection: /bin/sh reads commands from 203.0.113.50:4444",
		DTASeverity: "critical",
		Findings: []report.Finding{
			{
				ID: "f1", Slug: "reverse-shell", Name: "Shell on an outbound connection", Category: report.InitialExecution, Severity: report.Critical,
				Malicious: true, Confidence: 98, Attack: []report.Attack{{ID: "T1059.004", Name: "Unix Shell", Tactic: "Execution"}},
				FirstSeenMS: 200, Count: 1, Lineage: "1.0", Message: "/bin/sh reads commands from 203.0.113.50:4444",
				Description: "A shell.", Remediation: "Do not run it.",
				Evidence: []report.Evidence{
					{Type: "network", Event: 2, TimeMS: 200, PID: 1, Exe: "/app", Dst: "203.0.113.50:4444", Detail: "opens the connection"},
					{Type: "process", Event: 3, TimeMS: 300, PID: 1, Exe: "/bin/sh", Argv: []string{"/bin/sh", "-i", "\x1b]0;owned\x07\x1b[2J", "a\nVerdict  clean"}, Detail: "starts"},
				},
			},
			{
				ID: "f2", Slug: "direct-ip-egress", Name: "Address contacted without a name", Category: report.Communication, Severity: report.Low,
				Confidence: 80, Attack: []report.Attack{}, FirstSeenMS: 200, Count: 7, Lineage: "1.0", Message: "app\u202e contacts " + strings.Repeat("x", 200),
				Evidence: []report.Evidence{{Type: "network", Event: 2}, {Type: "network", Event: 3}, {Type: "network", Event: 4}, {Type: "network", Event: 5}},
			},
		},
		Processes: []report.Process{{ID: "1.0", PID: 1, Exe: "/app", Argv: []string{"/app"}, Provenance: "image"}},
		Network: report.Network{
			Edges: []report.Edge{{ID: "1", Process: "1.0", PID: 1, Dst: "203.0.113.50", Port: 4444, Proto: "tcp", FirstMS: 200}},
			DNS:   []report.DNS{{Name: "x.example", Type: "A", Answers: []string{"198.18.0.1"}}},
			HTTP:  []report.HTTP{{Method: "GET", URL: "http://x.example/", Status: 200}},
		},
		Files: report.Files{
			Created:  []report.File{{Path: "/tmp/x", Size: 3, Type: "text", Provenance: "config", Entropy: 1.5}},
			Modified: []report.File{}, Deleted: []string{"/bin/ps"},
		},
		StdoutTail: "hello\x1b[31m\n",
		Behash:     strings.Repeat("ab", 32),
	}
	for _, c := range report.Categories() {
		t := report.Tile{Category: c}
		for _, f := range r.Findings {
			if f.Category == c {
				t = report.Tile{Category: c, Findings: 1, Severity: f.Severity, Malicious: f.Malicious}
			}
		}
		r.Categories = append(r.Categories, t)
	}
	return r
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDecode(t *testing.T) {
	want := example()
	got, err := report.Decode(bytes.NewReader(encode(t, want)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encode(t, got), encode(t, want)) {
		t.Errorf("read back as\n%s\nwritten as\n%s", encode(t, got), encode(t, want))
	}
}

// change is the example's document with one thing changed.
func change(t testing.TB, fn func(m map[string]any)) []byte {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(encode(t, example()), &m); err != nil {
		t.Fatal(err)
	}
	fn(m)
	return encode(t, m)
}

func finding(m map[string]any) map[string]any { return m["findings"].([]any)[0].(map[string]any) }

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name string
		doc  []byte
		says string
	}{
		{"nothing", nil, "EOF"},
		{"no JSON", []byte("<html>"), "invalid character"},
		{"two documents", append(encode(t, example()), encode(t, example())...), "invalid character"},
		{"not an object", []byte(`[]`), "object"},
		{"empty object", []byte(`{}`), "missing properties"},
		{"other version", change(t, func(m map[string]any) { m["schema_version"] = 2 }), "schema_version"},
		{"unknown verdict", change(t, func(m map[string]any) { m["verdict"] = "fine" }), "verdict"},
		{"unknown severity", change(t, func(m map[string]any) { finding(m)["severity"] = "awful" }), "severity"},
		{"unknown category", change(t, func(m map[string]any) { finding(m)["category"] = "mischief" }), "category"},
		{"finding without evidence", change(t, func(m map[string]any) { finding(m)["evidence"] = []any{} }), "evidence"},
		{"null list", change(t, func(m map[string]any) { m["findings"] = nil }), "findings"},
		{"score out of range", change(t, func(m map[string]any) { m["score"] = 101 }), "score"},
		{"negative process id", change(t, func(m map[string]any) { finding(m)["evidence"].([]any)[0].(map[string]any)["pid"] = -1 }), "pid"},
		{"number too large", change(t, func(m map[string]any) { finding(m)["count"] = 1e300 }), "count"},
		{"time that is none", change(t, func(m map[string]any) { m["run"].(map[string]any)["started"] = "yesterday" }), "yesterday"},
		{"malicious but clean", change(t, func(m map[string]any) { m["verdict"] = "clean" }), "malicious is true"},
		{"proof but not malicious", change(t, func(m map[string]any) { m["verdict"], m["malicious"] = "clean", false }), "reverse-shell is malicious"},
		{"severity is not that of its findings", change(t, func(m map[string]any) { m["severity"] = "low" }), "severity"},
		{"escape sequences in what is wrong", change(t, func(m map[string]any) { m["verdict"] = "\x1b[2J" }), "verdict"},
		{"too large", append(encode(t, example()), bytes.Repeat([]byte(" "), report.MaxSize)...), "larger than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := report.Decode(bytes.NewReader(c.doc))
			if !errors.Is(err, report.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want one that says %q", err, c.says)
			}
			if len(err.Error()) > 600 || strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Errorf("the error is not fit to be shown: %q", err)
			}
		})
	}
}

func TestDecodeReadError(t *testing.T) {
	if _, err := report.Decode(iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, report.ErrInvalid) {
		t.Errorf("error %v", err)
	}
}

// TestSchemaKnowsEveryField: what a report holds is described, and what is always there is required.
func TestSchemaKnowsEveryField(t *testing.T) {
	var s map[string]any
	if err := json.Unmarshal(report.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	compare(t, s, s, reflect.TypeFor[report.Report](), "report")
}

func compare(t *testing.T, root, schema map[string]any, typ reflect.Type, where string) {
	t.Helper()
	if ref, ok := schema["$ref"].(string); ok {
		schema = root["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case typ == reflect.TypeFor[time.Time]():
	case typ.Kind() == reflect.Slice:
		compare(t, root, schema["items"].(map[string]any), typ.Elem(), where+"[]")
	case typ.Kind() == reflect.Struct:
		properties := schema["properties"].(map[string]any)
		required := map[string]bool{}
		for _, r := range schema["required"].([]any) {
			required[r.(string)] = true
		}
		for i := range typ.NumField() {
			name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			p, ok := properties[name].(map[string]any)
			if !ok {
				t.Errorf("%s.%s is not in the schema", where, name)
				continue
			}
			if required[name] == strings.Contains(options, "omitempty") {
				t.Errorf("%s.%s: required is %t, but its tag says %q", where, name, required[name], options)
			}
			compare(t, root, p, typ.Field(i).Type, where+"."+name)
		}
		if len(properties) != typ.NumField() {
			t.Errorf("%s: the schema has %d properties, the type %d fields", where, len(properties), typ.NumField())
		}
	}
}

func TestTable(t *testing.T) {
	skipped := &report.Report{Image: example().Image, Verdict: report.Skipped, DTASkipped: true, DTASkippedReason: "windows images are not run"}
	clean := example()
	clean.Verdict, clean.Malicious, clean.Severity, clean.Score, clean.Findings = report.Clean, false, "", 0, []report.Finding{}
	clean.Summary = "clean: nothing of the kind was seen"
	for i := range clean.Categories {
		clean.Categories[i] = report.Tile{Category: clean.Categories[i].Category}
	}
	for name, c := range map[string]struct {
		r *report.Report
		o report.TableOptions
	}{
		"malicious": {example(), report.TableOptions{}},
		"color":     {example(), report.TableOptions{Color: true, Width: 60}},
		"clean":     {clean, report.TableOptions{}},
		"skipped":   {skipped, report.TableOptions{}},
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := report.Table(&b, c.r, c.o); err != nil {
				t.Fatal(err)
			}
			golden := "testdata/" + name + ".table"
			if *update {
				if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(b.Bytes(), want) {
				t.Errorf("prints\n%s\nwant\n%s", b.Bytes(), want)
			}
			if !c.o.Color && bytes.ContainsFunc(bytes.ReplaceAll(b.Bytes(), []byte("\n"), nil), unicode.IsControl) {
				t.Error("control characters reach the terminal")
			}
			for line := range strings.Lines(b.String()) {
				if strings.HasPrefix(line, "Verdict") && !strings.Contains(line, "score") {
					t.Errorf("the guest forged the line %q", line)
				}
			}
		})
	}
}

func TestTableTellsWriteErrors(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := report.Table(w, example(), report.TableOptions{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v", err)
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"plain text, ümläut, 漢字": "plain text, ümläut, 漢字",
		"a\nb\tc\r":              `a\nb\tc\r`,
		"\x1b[31mred":            `\x1b[31mred`,
		"\xff\xfe":               `\xff\xfe`,
		"\u202egnp.exe":          `\u202egnp.exe`,
		"\u200b\u2028":           `\u200b\u2028`,
		"\x00\x7f\u0085":         `\x00\x7f\u0085`,
		"\ufffd":                 "\ufffd",
		"":                       "",
	} {
		if got := report.Escape(in); got != want {
			t.Errorf("Escape(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	for _, s := range []string{"high", " High", "HIGH\n"} {
		if got, err := report.ParseSeverity(s); err != nil || got != report.High {
			t.Errorf("ParseSeverity(%q) = %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "malicious", "none"} {
		if got, err := report.ParseSeverity(s); err == nil || got != "" {
			t.Errorf("ParseSeverity(%q) = %q, %v", s, got, err)
		}
	}
	if got, err := report.ParseConclusion(" Malicious "); err != nil || got != report.Malicious {
		t.Errorf("ParseConclusion = %q, %v", got, err)
	}
	if _, err := report.ParseConclusion("bad"); err == nil || !strings.Contains(err.Error(), "inconclusive") {
		t.Errorf("the error does not say what to write: %v", err)
	}
}

// FuzzDecode: a sandbox that was taken over writes what it likes. What is
// accepted can be written and read again, and shown.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, example()))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"schema_version":1e0,"findings":[{"severity":"\u001b[2J"}]}`))
	f.Add(bytes.Repeat([]byte("["), 20_000))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := report.Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		again, err := report.Decode(bytes.NewReader(encode(t, r)))
		if err != nil {
			t.Fatalf("not accepted again: %v", err)
		}
		if !bytes.Equal(encode(t, again), encode(t, r)) {
			t.Error("not the same after writing and reading")
		}
		var out bytes.Buffer
		if err := report.Table(&out, r, report.TableOptions{}); err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsFunc(bytes.ReplaceAll(out.Bytes(), []byte("\n"), nil), func(r rune) bool { return unicode.IsControl(r) || r == 0x202e }) {
			t.Error("control characters reach the terminal")
		}
	})
}

// FuzzEscape: what comes out is printable and stays as it is when escaped again.
func FuzzEscape(f *testing.F) {
	f.Add("\x1b[31m\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		e := report.Escape(s)
		if strings.ContainsFunc(e, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("Escape(%q) = %q", s, e)
		}
		if report.Escape(e) != e {
			t.Errorf("escaped twice: %q", report.Escape(e))
		}
	})
}
