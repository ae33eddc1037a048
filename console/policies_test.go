package console_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/internal/gatetest"
	"github.com/sallyport-dev/sallyport/internal/sandboxtest"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/report"
)

var amd64 = gatetest.AMD64

func mustTarget(registry, repository, which string) label.Target {
	return label.Target{Registry: registry, Repository: repository, Which: which}
}

const policy = `{"name":"payments","assurance_type":"image","description":"of the payments team","application_scopes":["Global"],"block_failed":true,
"dta_enabled":true,"scope":{"expression":"v1","variables":[{"attribute":"image.repo","value":"pay/*"}]},"of_a_later_version":{"kept":[1,2]},"images":null}`

func TestPoliciesAreManagedAsAquasClientsDo(t *testing.T) {
	s := open(t)
	const all, one = "/api/v2/assurance_policy/image", "/api/v2/assurance_policy/image/payments"
	s.do(t, "POST", all, policy, http.StatusCreated, nil)
	s.do(t, "POST", all, policy, http.StatusConflict, nil)
	var got map[string]any
	s.do(t, "GET", one, nil, http.StatusOK, &got)
	if got["name"] != "payments" || got["dta_enabled"] != true || got["of_a_later_version"] == nil {
		t.Errorf("document %v", got)
	}
	var list struct {
		Count  int
		Result []struct{ Name string }
	}
	s.do(t, "GET", all, nil, http.StatusOK, &list)
	if list.Count != 3 || list.Result[0].Name != "DTA" || list.Result[2].Name != "payments" {
		t.Errorf("list %+v", list)
	}
	if source, _ := got["sallyport_source"].(map[string]any); source["shelf"] != "api" || source["place"] != "policies/payments.json" {
		t.Errorf("source %v", got["sallyport_source"])
	}
	got["description"] = "changed"
	s.do(t, "PUT", one, got, http.StatusNoContent, nil)
	s.do(t, "GET", one, nil, http.StatusOK, &got)
	if got["description"] != "changed" {
		t.Errorf("document %v", got)
	}
	if e, err := s.Library.Get("payments"); err != nil || len(e.Document.Warnings()) != 1 {
		t.Errorf("where it came from was kept in it: %v, %v", e.Document.Warnings(), err)
	}
	s.Push(t, "demo.test/pay/app:v1", report.Malicious)
	eventually(t, "the policy denies", func() bool { return s.pull(t, "demo.test/pay/app:v1").Action == gate.Deny })
	s.do(t, "DELETE", one, nil, http.StatusNoContent, nil)
	s.do(t, "DELETE", one, nil, http.StatusNotFound, nil)
	if d := s.pull(t, "demo.test/pay/app:v1"); d.Action != gate.Allow {
		t.Errorf("without the policy: %s", d.Message)
	}
}

func TestFaultyPoliciesChangeNothing(t *testing.T) {
	s := open(t)
	before := s.Library.Current().Generation()
	for _, test := range []struct {
		name, method, path, body string
		want                     int
		says                     string
	}{
		{"not JSON", "POST", "", "{", 400, "policy"},
		{"no name", "POST", "", `{"dta_enabled":true}`, 400, "name"},
		{"a variable that is not there", "POST", "", `{"name":"x","scope":{"expression":"v1 && v2","variables":[{"attribute":"image.name","value":"*"}]}}`, 400, "v2"},
		{"an attribute that is not there", "POST", "", `{"name":"x","scope":{"expression":"v1","variables":[{"attribute":"image.colour","value":"*"}]}}`, 400, "image.colour"},
		{"an operator that is not there", "POST", "", `{"name":"x","scope":{"expression":"v1 ^ v1","variables":[{"attribute":"image.name","value":"*"}]}}`, 400, "scope"},
		{"another name in the path", "PUT", "/Default", `{"name":"x"}`, 400, "renamed"},
		{"a change of nothing", "PUT", "/x", `{"name":"x"}`, 404, "x"},
		{"a built-in one is not deleted", "DELETE", "/Default", "", 409, "built in"},
		{"other types", "POST", "/../host", policy, 404, "image"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := strings.Replace("/api/v2/assurance_policy/image"+test.path, "image/../", "", 1)
			code, answer := s.as(t, s.admin, test.method, path, test.body)
			if code != test.want || !strings.Contains(answer, test.says) {
				t.Errorf("%d, want %d with %q: %s", code, test.want, test.says, answer)
			}
		})
	}
	if after := s.Library.Current().Generation(); after != before {
		t.Error("the policies in force changed")
	}
}

func TestDTASettings(t *testing.T) {
	s := open(t)
	other := sandboxtest.Start(t)
	var set console.DTASettings
	s.do(t, "GET", "/api/v1/settings/dta", nil, http.StatusOK, &set)
	if !set.Enabled || set.Endpoint != "" || set.TokenSet || set.Usage.Period == "" {
		t.Errorf("settings %+v", set)
	}
	var license console.LicenseAnswer
	s.do(t, "POST", "/api/v1/settings/dta/license", `{}`, http.StatusOK, &license)
	if !license.License.Valid || license.License.Plan != "test" {
		t.Errorf("license %+v", license)
	}
	unchanged := func(t *testing.T) {
		t.Helper()
		now, err := s.Settings.Get(t.Context())
		if err != nil || now != (analysis.Settings{Enabled: true}) {
			t.Errorf("settings %+v, %v", now, err)
		}
	}
	for name, body := range map[string]string{
		"a wrong token": `{"endpoint":"` + other.URL + `","token":"x"}`, "a wrong address": `{"endpoint":"http://192.0.2.1:9","token":"x"}`, "no address": `{"endpoint":"nonsense","token":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			s.do(t, "POST", "/api/v1/settings/dta/license", body, http.StatusUnprocessableEntity, nil)
			if text := s.do(t, "PUT", "/api/v1/settings/dta", body, http.StatusUnprocessableEntity, nil); !strings.Contains(text, "stay in force") {
				t.Errorf("answer %s", text)
			}
			unchanged(t)
		})
	}
	right, _ := json.Marshal(map[string]any{"endpoint": other.URL, "token": sandboxtest.Token})
	s.do(t, "POST", "/api/v1/settings/dta/license", string(right), http.StatusOK, nil)
	unchanged(t)
	s.do(t, "PUT", "/api/v1/settings/dta", string(right), http.StatusOK, &license)
	if text := s.do(t, "GET", "/api/v1/settings/dta", nil, http.StatusOK, &set); set.Endpoint != other.URL || !set.TokenSet || strings.Contains(text, sandboxtest.Token) {
		t.Errorf("settings %s", text)
	}
	s.do(t, "PUT", "/api/v1/settings/dta", `{"enabled":false}`, http.StatusOK, nil)
	if now, err := s.Settings.Get(t.Context()); err != nil || now.Enabled || now.Token != sandboxtest.Token {
		t.Errorf("switching off lost the rest: %+v, %v", now, err)
	}
	// The token must not go to an address that it was not given for.
	s.do(t, "POST", "/api/v1/settings/dta/license", `{"enabled":true,"endpoint":"`+s.Sandbox.URL+`"}`, http.StatusUnprocessableEntity, nil)
	s.do(t, "PUT", "/api/v1/settings/dta", `{"enable":true}`, http.StatusBadRequest, nil)
}
