package export_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"golang.org/x/net/html"

	"github.com/sallyport-dev/sallyport/internal/reporttest"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/report/export"
)

var update = flag.Bool("update", false, "rewrite golden files")

// hostile is what a guest writes in the hope that a browser, a terminal or a
// parser makes something of it.
const hostile = "</td><script>alert(1)</script><img src=https://c2.example/x onerror=alert(2)>\"'&\x1b[2J\u202e"

// example has something in every section, also what is hostile.
func example() *report.Report {
	r := reporttest.Report(digest.FromString("app"), report.Malicious)
	r.Image.Reference += "@" + r.Image.Digest // as the sandbox writes it
	r.Findings = append(r.Findings, report.Finding{
		ID: "f2", Slug: "direct-ip-egress", Name: "Address contacted without a name", Category: report.Communication, Severity: report.Low, Confidence: 60,
		Attack: []report.Attack{{ID: "T1071", Name: "Application Layer Protocol", Tactic: "Command and Control"}}, Count: 2, Lineage: "l1",
		Message: "contacts 203.0.113.7 " + hostile, Description: "An address.", Remediation: "See why.",
		Evidence: []report.Evidence{{Type: "network", Event: 4, TimeMS: 1200, PID: 7, Exe: "/tmp/" + hostile, Argv: []string{"a b", hostile}, Dst: "203.0.113.7:4444", Data: hostile}},
	})
	r.Processes = []report.Process{
		{ID: "1.0", PID: 1, Exe: "/app", Argv: []string{"/app"}, Provenance: "image"},
		{ID: "7.0", Parent: "1.0", PID: 7, PPID: 1, StartMS: 900, Exe: "/tmp/" + hostile, Argv: []string{hostile}, Provenance: "network", Drift: true, Exit: &report.Exit{Code: 1}},
		{ID: "8.0", Parent: "9.0", PID: 8, Exe: "/circle", Argv: []string{}, Provenance: "image"},
		{ID: "9.0", Parent: "8.0", PID: 9, Exe: "/circle", Argv: []string{}, Provenance: "image"},
		{ID: "restart/1.0", Pass: "restart", PID: 1, StartMS: 5, Exe: "/app", Argv: []string{"/app"}, Provenance: "image"},
		{ID: "x/1.0", Pass: hostile, PID: 1, Exe: "/app", Argv: []string{"/app"}, Provenance: "image"},
	}
	r.Run.Coverage.Passes = []report.Pass{
		{Name: "default", Status: "completed", Verdict: report.Malicious}, {Name: "restart", Why: "it left " + hostile, Status: "completed", Verdict: report.Clean},
	}
	r.Run.Coverage.Skipped = []report.SkippedPass{{Name: "bait", Reason: hostile}}
	r.Network = report.Network{
		Edges: []report.Edge{
			{ID: "1", Process: "7.0", PID: 7, Dst: "203.0.113.7", Port: 4444, Proto: "tcp", Domain: hostile, FirstMS: 1200, BytesOut: 3},
			{ID: "2", PID: 1, Dst: "172.17.0.2", Port: 80, Proto: "tcp", App: "http", Probe: true, Refused: true},
		},
		DNS:  []report.DNS{{PID: 7, TimeMS: 1100, Name: hostile, Type: "A", Answers: []string{"198.18.0.1"}}},
		HTTP: []report.HTTP{{PID: 7, TimeMS: 1300, Method: "GET", URL: "http://x.example/" + hostile, Status: 200}},
	}
	r.Files = report.Files{
		Created:  []report.File{{Path: "/tmp/" + hostile, SHA256: strings.Repeat("ab", 32), Size: 3, Type: "elf", Provenance: "network", Executed: true}},
		Modified: []report.File{{Path: "/etc/passwd", Size: 9, Type: "text", Provenance: "unknown"}}, Deleted: []string{"/bin/ps"},
	}
	r.StdoutTail, r.StderrTail = "hello\n"+hostile+"\n", hostile
	return r
}

func write(t testing.TB, format string, r *report.Report) []byte {
	t.Helper()
	f, err := export.Lookup(format)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := f.Write(&b, r); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.Bytes()
}

func TestFormats(t *testing.T) {
	for _, f := range export.Formats() {
		t.Run(f.Name, func(t *testing.T) {
			got := write(t, f.Name, example())
			golden := filepath.Join("testdata", "example."+f.Name)
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("it differs from %s; see 'git diff' after -update:\n%s", golden, got)
			}
			for _, c := range []report.Conclusion{report.Clean, report.Suspicious, report.Inconclusive, report.Skipped} {
				if b := write(t, f.Name, reporttest.Report(digest.FromString("app"), c)); !bytes.Contains(b, []byte(c)) {
					t.Errorf("nothing says that the image is %s", c)
				}
			}
			if err := f.Write(full{}, example()); !errors.Is(err, io.ErrShortWrite) {
				t.Errorf("a writer that takes nothing: %v", err)
			}
		})
	}
	if _, err := export.Lookup("pdf"); err == nil || !strings.Contains(err.Error(), "sarif, navigator, html, in-toto") {
		t.Errorf("a format that is none: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// strict decodes b into v, which has every field that the format knows.
func strict(t *testing.T, b []byte, v any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		t.Fatal(err)
	}
}

func TestSARIFHasOnlyWhatItsSpecificationKnows(t *testing.T) {
	type run struct {
		sarif.Run
		Properties json.RawMessage `json:"properties"`
	}
	var log struct {
		Schema  string `json:"$schema"`
		Version string `json:"version"`
		Runs    []run  `json:"runs"`
	}
	strict(t, write(t, "sarif", example()), &log)
	r := log.Runs[0]
	if log.Version != "2.1.0" || len(r.Results) != 2 || len(r.Tool.Driver.Rules) != 2 || !*r.Invocations[0].ExecutionSuccessful {
		t.Fatalf("%+v", log)
	}
	for _, result := range r.Results {
		if *r.Tool.Driver.Rules[result.RuleIndex].ID != *result.RuleID {
			t.Errorf("the result of %s points at the rule %s", *result.RuleID, *r.Tool.Driver.Rules[result.RuleIndex].ID)
		}
		if uri := *result.Locations[0].PhysicalLocation.ArtifactLocation.URI; uri != "registry.test/app%3A1" {
			t.Errorf("location %s", uri)
		}
	}
	if r.Results[0].Level != "error" || r.Results[1].Level != "note" || !strings.HasPrefix(*r.Results[0].Message.Text, "malicious: ") {
		t.Errorf("%+v", r.Results)
	}
	strict(t, write(t, "sarif", reporttest.Report(digest.FromString("app"), report.Inconclusive)), &log)
	if i := log.Runs[0].Invocations[0]; *i.ExecutionSuccessful || !strings.Contains(*i.ToolExecutionNotifications[0].Message.Text, "the entrypoint did not start") {
		t.Errorf("an inconclusive run: %+v", i)
	}
}

// Code scanning knows a finding again by its fingerprint when the image was built anew.
func TestSARIFKnowsAFindingAgain(t *testing.T) {
	fingerprint := func(change func(*report.Report)) string {
		r := example()
		change(r)
		var log struct {
			Runs []struct {
				Results []struct {
					PartialFingerprints map[string]string `json:"partialFingerprints"`
				} `json:"results"`
			} `json:"runs"`
		}
		if err := json.Unmarshal(write(t, "sarif", r), &log); err != nil {
			t.Fatal(err)
		}
		return log.Runs[0].Results[0].PartialFingerprints["behaviour/v1"]
	}
	first := fingerprint(func(*report.Report) {})
	if other := fingerprint(func(r *report.Report) {
		r.Image.Reference = "registry.test/app:1@" + digest.FromString("anew").String()
	}); first == "" || other != first {
		t.Errorf("built anew: %q, was %q", other, first)
	}
	for what, change := range map[string]func(*report.Report){
		"another image":     func(r *report.Report) { r.Image.Reference = "registry.test/other:1" },
		"another behaviour": func(r *report.Report) { r.Findings[0].Slug = "bind-shell" },
	} {
		if fingerprint(change) == first {
			t.Errorf("%s has the same fingerprint", what)
		}
	}
}

func TestStatementNeedsADigest(t *testing.T) {
	r := example()
	r.Image.Digest = ""
	f, _ := export.Lookup("in-toto")
	if err := f.Write(io.Discard, r); err == nil || !strings.Contains(err.Error(), "no digest") {
		t.Errorf("without a digest: %v", err)
	}
}

// active are the elements and attributes by which a page does or asks something.
func active(n *html.Node) (found []string) {
	if n.Type == html.ElementNode {
		switch n.Data {
		case "script", "img", "iframe", "object", "embed", "link", "base", "form", "a", "video", "audio":
			found = append(found, "<"+n.Data+">")
		}
		for _, a := range n.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" || strings.Contains(a.Val, "url(") {
				found = append(found, a.Key+"="+a.Val)
			}
		}
	}
	for c := range n.ChildNodes() {
		found = append(found, active(c)...)
	}
	return found
}

func TestThePageDoesNothingThatAGuestWrites(t *testing.T) {
	b := write(t, "html", example())
	doc, err := html.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if found := active(doc); len(found) > 0 {
		t.Errorf("the page has %v", found)
	}
	if bytes.ContainsAny(b, "\x1b\u202e") {
		t.Error("the page has control characters")
	}
	if n := bytes.Count(b, []byte("/circle")); n < 2 {
		t.Errorf("processes that are their own ancestors are shown %d times", n)
	}
}

func TestTheLargestReportMakesABoundedPage(t *testing.T) {
	r := example()
	for i := range 20_000 {
		r.Processes = append(r.Processes, report.Process{ID: fmt.Sprint("p", i), Parent: fmt.Sprint("p", i-1), PID: int32(i), StartMS: int64(i), Exe: "/x", Argv: []string{strings.Repeat("y", 4096)}})
		r.Network.Edges = append(r.Network.Edges, report.Edge{ID: fmt.Sprint("e", i), Process: fmt.Sprint("p", i), Dst: fmt.Sprint("198.18.0.", i), Port: 1, Proto: "tcp"})
		r.Files.Created = append(r.Files.Created, report.File{Path: fmt.Sprint("/f/", i)})
	}
	b := write(t, "html", r)
	if len(b) > 4<<20 {
		t.Errorf("%d bytes", len(b))
	}
	for _, text := range []string{"and 19006 more", "more flows", "later ones"} {
		if !bytes.Contains(b, []byte(text)) {
			t.Errorf("nothing says %q", text)
		}
	}
}

func FuzzExport(f *testing.F) {
	f.Add(hostile, hostile, "1", "1")
	f.Add("\xff\xfe", "javascript:alert(1)", "2", "1")
	f.Fuzz(func(t *testing.T, text, reference, id, parent string) {
		r := example()
		r.Image.Reference, r.Summary, r.Findings[0].Message, r.Findings[0].ID = reference, text, text, id
		r.Processes = append(r.Processes, report.Process{ID: id, Parent: parent, Exe: text, Argv: []string{text}}, report.Process{ID: parent, Parent: id, Exe: text})
		for _, format := range export.Formats() {
			b := write(t, format.Name, r)
			if format.Name == "html" {
				doc, err := html.Parse(bytes.NewReader(b))
				if err != nil {
					t.Fatal(err)
				}
				if found := active(doc); len(found) > 0 {
					t.Errorf("the page has %v", found)
				}
			} else if !json.Valid(b) {
				t.Errorf("%s is no JSON", format.Name)
			}
		}
	})
}
