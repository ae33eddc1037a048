package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/policies/document"
	"github.com/sallyport-dev/sallyport/policies/schema"
)

func TestDocumentIsWrittenAsItWasRead(t *testing.T) {
	text, err := os.ReadFile("testdata/aqua.json")
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := json.Compact(&want, text); err != nil {
		t.Fatal(err)
	}
	// enabled is absent in what was read, and readers disagree about that.
	want.Truncate(want.Len() - 1)
	want.WriteString(`,"enabled":true}`)

	d, err := document.Parse("aqua.json", text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want.String() {
		t.Errorf("written as\n%s\nwant\n%s", got, want.String())
	}

	asYAML, err := d.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := document.Parse("aqua.yaml", asYAML)
	if err != nil {
		t.Fatalf("%v\n%s", err, asYAML)
	}
	got, err = again.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want.String() {
		t.Errorf("by way of YAML written as\n%s\nwant\n%s", got, want.String())
	}
}

func TestOnlyWhatWasChangedIsWrittenAnew(t *testing.T) {
	d := parse(t, `{"zzz":[1.0],"name":"a","cves_black_list":null,"CVES_BLACK_LIST":["kept"],"dta_enabled":false,"sallyport":{"pending":"block"}}`)
	d.DTAEnabled = true
	d.CVEsDenied = []string{"CVE-1"}
	d.MaximumScore = 7.5
	d.Sallyport = nil
	got, err := d.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	want := `{"zzz":[1.0],"name":"a","cves_black_list":["CVE-1"],"CVES_BLACK_LIST":["kept"],"dta_enabled":true,"enabled":true,"fail_cicd":true,"maximum_score":7.5}`
	if string(got) != want {
		t.Errorf("written as\n%s\nwant\n%s", got, want)
	}
}

func TestNewDocumentHasEveryField(t *testing.T) {
	b, err := json.Marshal(document.New("a"))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		t.Fatal(err)
	}
	if len(fields) != 98 {
		t.Errorf("%d fields, the format has 98", len(fields))
	}
	if d, err := document.Parse("", b); err != nil || !d.BlockFailed || d.Name != "a" {
		t.Errorf("read again: %+v, %v", d, err)
	}
}

// Every field, with a value that is not its default, is read into its place and
// written back as it stood; and as null, as most lists arrive.
func TestEveryFieldIsReadAndKept(t *testing.T) {
	defaults, err := json.Marshal(document.New("a"))
	if err != nil {
		t.Fatal(err)
	}
	var plain map[string]json.RawMessage
	if err := json.Unmarshal(defaults, &plain); err != nil {
		t.Fatal(err)
	}
	typ := reflect.TypeFor[document.Document]()
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" || name == "name" {
			continue
		}
		value := map[string]string{
			"id": "7", "assurance_type": `"host"`, "scope": `{"variables":[{"value":"x","attribute":"image.name"}],"expression":"v1"}`, "sallyport": `{"pending":"block"}`,
			"registries": `[{"a":1.0}]`, "labels": `"x"`, "images": `[1]`, "scap_files": `[{"kind":"x"}]`, "kubernetes_controls": `[{"ootb":true}]`,
			"dta_severity": `"High"`, "cvss_severity": `"LOW"`, "maximum_score": "7.50", "vulnerability_score_range": "[1,9.0]",
			"allowed_images": `[{"imagename":"x","more":{"b":1,"a":2}},"y:1"]`, "policy_settings": `{"warn":true,"later":1e2}`, "aggregated_vulnerability": `{"severity":"Low","enabled":true}`,
			"auto_scan_time": `{"week_days":["Monday"],"iteration":3}`,
		}[name]
		if value == "" {
			switch field := typ.Field(i).Type; {
			case field.Kind() == reflect.Bool:
				value = "true"
				if string(plain[name]) == "true" {
					value = "false"
				}
			case field.Kind() == reflect.Int:
				value = "3"
			case field.Kind() == reflect.String:
				value = `"text: \u003cb\u003e"`
			case field == reflect.TypeFor[[]string]():
				value = `["b","a"]`
			case field.Kind() == reflect.Slice:
				value = `[{"unknown":[1.0,null]}]`
			default:
				t.Errorf("no value for %s", name)
				continue
			}
		}
		value = strings.ReplaceAll(value, `\u003c`, "<")
		value = strings.ReplaceAll(value, `\u003e`, ">")
		for _, v := range []string{value, "null"} {
			text := `{"zzz":1,"` + name + `":` + v + `,"name":"a","enabled":true,"fail_cicd":true}`
			if name == "enabled" || name == "fail_cicd" {
				text = `{"zzz":1,"` + name + `":` + v + `,"name":"a","` + map[string]string{"enabled": "fail_cicd", "fail_cicd": "enabled"}[name] + `":true}`
			}
			d := parse(t, text)
			got, err := d.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != text && v != "null" {
				t.Errorf("%s is written as\n%s, want\n%s", name, got, text)
			}
			if v == "null" && !strings.Contains(string(got), `"`+name+`":`) {
				t.Errorf("%s is lost: %s", name, got)
			}
			asYAML, err := d.YAML()
			if err != nil {
				t.Fatal(err)
			}
			again, err := parse(t, string(asYAML)).MarshalJSON()
			if err != nil || string(again) != string(got) {
				t.Errorf("%s by way of YAML is\n%s, want\n%s", name, again, got)
			}
			zero := reflect.ValueOf(parse(t, `{"name":"a"}`)).Field(i)
			if v != "null" && reflect.DeepEqual(reflect.ValueOf(d).Field(i).Interface(), zero.Interface()) {
				t.Errorf("%s was not read: %s", name, v)
			}
		}
	}
}

// The schema and the Go type describe the same fields.
func TestSchemaNamesTheFields(t *testing.T) {
	var s struct{ Properties map[string]any }
	if err := json.Unmarshal(schema.Policy, &s); err != nil {
		t.Fatal(err)
	}
	typ := reflect.TypeFor[document.Document]()
	for i := range typ.NumField() {
		name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		if _, ok := s.Properties[name]; !ok {
			t.Errorf("%s is not in the schema", name)
		}
		delete(s.Properties, name)
	}
	for name := range s.Properties {
		t.Errorf("%s is in the schema only", name)
	}
}

func TestToleratedForms(t *testing.T) {
	for _, c := range []struct {
		name, text string
		holds      func(document.Document) bool
	}{
		{"omitted booleans are on", `{"name":"a"}`, func(d document.Document) bool {
			return d.Enabled && d.FailCICD && d.BlockFailed && d.AuditOnFailure && !d.DTAEnabled
		}},
		{"null booleans are omitted", `{"name":"a","enabled":null,"block_failed":null}`, func(d document.Document) bool { return d.Enabled && d.BlockFailed }},
		{"false is false", `{"name":"a","enabled":false,"block_failed":false}`, func(d document.Document) bool { return !d.Enabled && !d.BlockFailed }},
		{"no type is image", `{"name":"a","assurance_type":""}`, func(d document.Document) bool { return d.AssuranceType == "image" }},
		{"null lists and objects", `{"name":"a","scope":null,"packages_black_list":null,"auto_scan_time":null}`, func(d document.Document) bool { return d.Scope.Everything() }},
		{"allowed images as names", `{"name":"a","allowed_images":["x:1"]}`, func(d document.Document) bool {
			return d.AllowedImages[0].ImageName == "x:1" && d.AllowedImages[0].Whitelisted
		}},
		{"allowed images as objects", `{"name":"a","allowed_images":[{"imagename":"x:1","blacklisted":true}]}`, func(d document.Document) bool { return d.AllowedImages[0].Blacklisted }},
		{"whole numbers for scores", `{"name":"a","maximum_score":7}`, func(d document.Document) bool { return d.MaximumScore == 7 }},
		{"severities in any case", `{"name":"a","cvss_severity":"CRITICAL","aggregated_vulnerability":{"severity":"Low"}}`, func(d document.Document) bool {
			return d.CVSSSeverity == "critical" && d.AggregatedVulnerability.Severity == "low"
		}},
		{"scope as text", `{"name":"a","scope":"aqua.label.DTA"}`, func(d document.Document) bool { return d.Scope.Expression == "v1" }},
		{"other types are kept", `{"name":"a","assurance_type":"kubernetes","kubernetes_controls":[{"script_id":1}]}`, func(d document.Document) bool { return d.AssuranceType == "kubernetes" }},
		{"legacy scope lists of any type", `{"name":"a","registries":{"x":1},"labels":["y"],"images":null}`, func(document.Document) bool { return true }},
		{"ages in days", `{"name":"a","sallyport":{"max_verdict_age":"30d"}}`, func(d document.Document) bool {
			return time.Duration(d.Sallyport.MaxVerdictAge) == 30*24*time.Hour
		}},
		{"YAML with words for truth", "name: a\ndta_enabled: yes\n", nil},
		{"YAML", "# why\nname: a\nscope: >-\n  image.name.*:DTA OR\n  aqua.label.DTA\ncves_black_list:\n- CVE-1\n", func(d document.Document) bool {
			return len(d.Scope.Variables) == 2 && d.CVEsDenied[0] == "CVE-1"
		}},
		{"YAML aliases", "name: a\ncves_black_list: &l [CVE-1]\ncves_white_list: *l\n", func(d document.Document) bool { return d.CVEsIgnored[0] == "CVE-1" }},
		{"byte order mark", "\ufeff{\"name\":\"a\"}", func(d document.Document) bool { return d.Name == "a" }},
		{"an exemption to the end of a day", `{"name":"a","sallyport":{"exempt":[{"image":"x","reason":"r","author":"m","expires":"2027-01-31"}]}}`, func(d document.Document) bool {
			e := d.Sallyport.Exempt[0].Expires
			return !e.Past(time.Date(2027, 1, 31, 23, 59, 0, 0, time.UTC)) && e.Past(time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d, err := document.Parse("f", []byte(c.text))
			if c.holds == nil {
				if err == nil {
					t.Error("accepted")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !c.holds(d) {
				t.Errorf("read as %+v", d)
			}
		})
	}
}

func TestFaultsNameLineFieldAndChoice(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"wrong type", "{\n \"name\": \"a\",\n \"dta_enabled\": \"yes\"\n}", "f:3: dta_enabled: is a string where boolean is expected"},
		{"wrong type deep inside", "name: a\nscope:\n  variables:\n  - attribute: image.name\n    value: [x]\n", "f:5: scope.variables[0].value: is an array where string is expected"},
		{"value not allowed", "name: a\ncvss_severity: hgh\n", `f:2: cvss_severity: "hgh" is not allowed; allowed are negligible, low, medium, high, critical`},
		{"type not allowed", "name: a\nassurance_type: images\n", "allowed are image, host, function, kubernetes, cf_application"},
		{"extension value", "name: a\nsallyport:\n  pending: wait\n", "f:3: sallyport.pending: \"wait\" is not allowed; allowed are hold, block, allow"},
		{"extension field", "name: a\nsallyport:\n  pendng: hold\n", `f:2: sallyport: unknown field "pendng", did you mean "pending"?`},
		{"exemption field", "name: a\nsallyport:\n  exempt:\n  - {image: x, reason: y, author: z, until: 2027-01-01}\n", `sallyport.exempt[0]: unknown field "until"`},
		{"exemption without reason", "name: a\nsallyport:\n  exempt:\n  - image: x\n    author: y\n", "f:4: sallyport.exempt[0]: lacks reason"},
		{"exemption with a bad date", "name: a\nsallyport:\n  exempt:\n  - {image: x, reason: y, author: z, expires: soon}\n", `"soon" is neither a date`},
		{"duration", "name: a\nsallyport: {max_verdict_age: 5 days}\n", `"5 days" is not a duration: write days (30d)`},
		{"score", "name: a\nmaximum_score: 11\n", "f:2: maximum_score: is 11, at most 10"},
		{"negative days", "name: a\nenforce_after_days: -1\n", "f:2: enforce_after_days: is -1, at least 0"},
		{"no name", "dta_enabled: true\n", "f:1: lacks name"},
		{"empty name", "name: ''\n", "f:1: name: a policy needs a name"},
		{"bad name", "name: ../x\n", `f:1: name: "../x" cannot be a policy's name`},
		{"an expiry without end", "name: a\nsallyport:\n  exempt: [{image: x, author: jane, reason: r, expires: 9999-12-31}]\n", "lies outside the years 1970 to 2261"},
		{"an empty reason", "name: a\nsallyport:\n  exempt: [{image: x, control: dta, author: jane, reason: \"\"}]\n", "f:3: sallyport.exempt[0].reason: is empty"},
		{"scope", "name: a\nscope:\n  expression: v1 && v2\n  variables: [{attribute: image.name, value: x}]\n", "f:2: scope: \"v1 && v2\", at character 7: v2"},
		{"all faults", "name: a\ndta_enabled: 1\nblock_failed: 2\n", "f:3: block_failed"},
		{"truncated JSON", `{"name":"a","dta_enabled":tr`, "f:1: the JSON ends too early"},
		{"truncated object", "{\"name\":\n\"a\",", "f:2: the JSON ends too early"},
		{"not JSON", "{\n\"name\": a}", "f:2: not JSON"},
		{"two JSON documents", `{"name":"a"}{"name":"b"}`, "something follows"},
		{"key twice", "{\"name\":\"a\",\n\"name\":\"b\"}", `f:2: "name" stands twice`},
		{"key twice in YAML", "name: a\nname: b\n", `f:2: "name" stands twice`},
		{"not YAML", "name: a\n  b: [", "f:"},
		{"a list of words", "- a\n- b\n", "f:1: a policy is an object"},
		{"a word", "hello", "f:1: a policy is an object"},
		{"empty", "", "f: holds no policy"},
		{"only comments", "# nothing\n---\n", "f: holds no policy"},
		{"two where one is expected", "name: a\n---\nname: b\n", "holds 2 policies"},
		{"YAML that JSON cannot say", "name: a\nx: !!binary aGk=\n", "!!binary has no counterpart"},
		{"not a number", "name: a\nmaximum_score: .nan\n", "not a number that JSON can write"},
		{"endless number", `{"name":"a","maximum_score":1e999999999}`, "this number is too large"},
		{"not text", "{\n\"name\":\"\xff\"}", "f:2: is not UTF-8"},
		{"deep nesting", `{"name":"a","x":` + strings.Repeat("[", 5000), "nested deeper than 64"},
		{"deep nesting in YAML", "name: a\nx: " + strings.Repeat("[", 5000), "f:"},
		{"bomb of aliases", bomb(), "make it too large"},
		{"merge key", "name: a\nb: &b {c: d}\ne:\n  <<: *b\n", "f:4: merge keys"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := document.Parse("f", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v\nwant  %s", err, c.want)
			}
			var known *document.Error
			if !errors.As(err, &known) {
				t.Errorf("%v is not a document.Error", err)
			}
			if len(err.Error()) > 4000 {
				t.Errorf("the message has %d bytes", len(err.Error()))
			}
		})
	}
}

// bomb is YAML whose aliases stand for 10^9 words.
func bomb() string {
	var b strings.Builder
	b.WriteString("name: a\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := range 8 {
		one := "*a" + string(rune('0'+i)) + ","
		b.WriteString("a" + string(rune('1'+i)) + ": &a" + string(rune('1'+i)) + " [" + strings.Repeat(one, 9) + strings.TrimSuffix(one, ",") + "]\n")
	}
	return b.String()
}

func TestFilesOfSeveralDocuments(t *testing.T) {
	for name, text := range map[string]string{
		"YAML documents": "name: a\n---\nname: b\n---\n",
		"YAML list":      "- name: a\n- name: b\n",
		"JSON list":      `[{"name":"a"},{"name":"b"}]`,
	} {
		docs, err := document.ParseAll("f", []byte(text))
		if err != nil || len(docs) != 2 || docs[0].Name != "a" || docs[1].Name != "b" {
			t.Errorf("%s: %+v, %v", name, docs, err)
		}
	}
	if _, err := document.ParseAll("f", []byte("name: a\n---\nname: b\ndta_enabled: 1\n---\nname: c\nblock_failed: 1\n")); err == nil ||
		!strings.Contains(err.Error(), "f:4") || !strings.Contains(err.Error(), "f:7") {
		t.Errorf("faults of both documents are named: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"name: a\nallowed_images: [{imagename: \"registry.test/pay/api:1\", whitelisted: true}]":      "allowed_images[0]: imagename (registry.test/pay/api:1) begins with what looks like a registry",
		"name: a\ntrusted_base_images: [{imagename: \"docker.io/debian:12\"}]":                        "trusted_base_images[0]: imagename (docker.io/debian:12) begins",
		"name: a\nsallyport: {exempt: [{image: \"localhost:5000/x\", author: j, reason: r}]}":         "sallyport.exempt[0]: image (localhost:5000/x) begins",
		`{"name":"a","dta_enabeld":true}`:                                                             `unknown field "dta_enabeld", did you mean "dta_enabled"?`,
		`{"name":"a","scope":{"expression":"","variables":[{"attribute":"image.name","value":"x"}]}}`: "no expression, so it includes every image",
		`{"name":"a","cvss_severity_enabled":true}`:                                                   "cvss_severity is empty, so that nothing fails",
		`{"name":"a","cves_black_list_enabled":true,"cves_black_list":null}`:                          "cves_black_list_enabled: cves_black_list is empty, so that nothing fails",
		`{"name":"a","packages_black_list_enabled":true}`:                                             "packages_black_list is empty",
		`{"name":"a","packages_white_list_enabled":true}`:                                             "packages_white_list is empty",
		`{"name":"a","blacklisted_licenses_enabled":true,"blacklisted_licenses":[]}`:                  "blacklisted_licenses is empty",
		`{"name":"a","required_labels_enabled":true}`:                                                 "required_labels is empty",
		`{"name":"a","forbidden_labels_enabled":true}`:                                                "forbidden_labels is empty",
		`{"name":"a","allowed_images":["x",{"imagename":"y"}]}`:                                       "allowed_images[1]: is neither whitelisted nor blacklisted",
		`{"name":"a","scap_enabled":true}`:                                                            "scap_enabled: kept, and judges no image",
		`{"name":"a","assurance_type":"host"}`:                                                        `policies about "host" are kept`,
		`{"name":"a","custom_checks_enabled":true}`:                                                   "there are no custom_checks",
		`{"name":"a","scope":"image.name.ghcr.io/x/*"}`:                                               "use aqua.registry beside it",
	} {
		d := parse(t, text)
		if w := d.Warnings(); !slices.ContainsFunc(w, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("%s: warnings %q, want %q", text, w, want)
		}
	}
	for _, text := range []string{
		`{"name":"a","scope":"image.name.library/nginx:1.27"}`,
		`{"name":"a","cves_black_list":[],"forbidden_labels":[],"allowed_images":["x",{"imagename":"y","blacklisted":true}]}`,
		`{"name":"a","cves_black_list_enabled":true,"cves_black_list":["CVE-2024-3094"]}`,
	} {
		if w := parse(t, text).Warnings(); len(w) != 0 {
			t.Errorf("%s: warnings %q about nothing", text, w)
		}
	}
}

func FuzzParse(f *testing.F) {
	sample, err := os.ReadFile("testdata/aqua.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	for _, seed := range []string{
		`{"name":"a","scope":"image.name.*:DTA OR aqua.label.DTA"}`, "name: a\nscope: {expression: v1, variables: [{attribute: aqua.label, value: x}]}\n",
		`{"name":"a","allowed_images":["x",{"imagename":"y"}],"sallyport":{"pending":"hold"}}`, "- name: a\n---\n- name: b\n", bomb(),
		`{"name":"a","Name":"b","id":1e3,"maximum_score":1.50}`, "name: a\nx: 0x1F\ny: 1_000\nz: 0o17\nt: 2001-01-01\n", `{"name":"a","sallyport":null,"x":"\ud83d\ude00\u2028"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		docs, err := document.ParseAll("f", b)
		if err != nil {
			return
		}
		for _, d := range docs {
			one, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			var again document.Document
			if err := json.Unmarshal(one, &again); err != nil {
				t.Fatalf("%v\n%s", err, one)
			}
			two, err := json.Marshal(again)
			if err != nil || !bytes.Equal(one, two) {
				t.Fatalf("%v: written as\n%s\nthen as\n%s", err, one, two)
			}
			asYAML, err := d.YAML()
			if err != nil {
				t.Fatal(err)
			}
			third, err := document.Parse("f", asYAML)
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, one, asYAML)
			}
			three, err := json.Marshal(third)
			if err != nil || !bytes.Equal(one, three) {
				t.Fatalf("%v: by way of YAML\n%s\nis\n%s", err, one, three)
			}
			d.Warnings()
		}
	})
}

func parse(t *testing.T, text string) document.Document {
	t.Helper()
	d, err := document.Parse("test", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
