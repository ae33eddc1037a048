package policies_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/policies"
)

// mirrored is an image about which controls of every kind have something to say.
func mirrored(t *testing.T) policies.Result {
	t.Helper()
	set := compile(t,
		`{"name":"Default","id":1,"cvss_severity_enabled":true,"cvss_severity":"high","maximum_score_enabled":true,"maximum_score":7,
		  "blacklisted_licenses_enabled":true,"blacklisted_licenses":["GPL-3.0-or-later"],"scan_sensitive_data":true,
		  "trusted_base_images_enabled":true,"trusted_base_images":[{"registry":"docker.io","imagename":"library/debian:12"}],
		  "only_none_root_users":true,"custom_checks_enabled":true,
		  "custom_checks":[{"name":"owner","engine":"rego","severity":"high","snippet":"deny contains {\"msg\": \"has no owner\", \"team\": \"none\"} if not input.image.labels.owner"}]}`,
		`{"name":"DTA","id":2,"dta_enabled":true}`,
		`{"name":"audit-only","id":3,"block_failed":false,"fail_cicd":false,"only_none_root_users":true,"packages_black_list_enabled":true,"packages_black_list":[{"name":"bash"}]}`,
	)
	in := known()
	vulnerable(policies.Vulnerability{ID: "CVE-2024-3094", Severity: "critical", Score: 10, Package: "xz-utils", Path: "/usr/bin/xz"},
		policies.Vulnerability{ID: "CVE-2024-0001", Severity: "critical", Score: 9, Package: "openssl", Path: "/usr/bin/openssl"})(in)
	in.Secrets.Items = []policies.Secret{{Path: "/key.pem", Type: "private key"}}
	in.DTA = policies.DTA{Status: "skipped", Reason: "Host Image"}
	in.Acknowledged = []policies.Acknowledgement{{ID: "a1", Type: "vulnerability", Name: "CVE-2024-3094", Comment: "not reachable", Author: "ada", Date: now}}
	r := evaluate(t, set, in)
	r.Generation = "GENERATION" // changes with every change of the translation
	return r
}

// The result is the document that CI and enforcers read of the original
// product, field by field, with ours beside them.
func TestResultMirrorsTheAPI(t *testing.T) {
	b, err := json.MarshalIndent(map[string]any{"image_assurance_results": mirrored(t)}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "image_assurance_results.json")
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" { // declared with the schema's test
		if err := os.WriteFile(golden, append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(b) + "\n"; got != string(want) {
		t.Errorf("the document changed (refresh with -update):\n%s", got)
	}

	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	r := doc["image_assurance_results"].(map[string]any)
	checks := map[string]map[string]any{}
	for _, c := range r["checks_performed"].([]any) {
		c := c.(map[string]any)
		checks[c["policy_name"].(string)+" "+c["control"].(string)] = c
	}
	failure := r["policy_failures"].([]any)[0].(map[string]any)
	for _, field := range []struct {
		where string
		in    map[string]any
		name  string
		want  any // nil: absent
	}{
		{"result", r, "disallowed", true},
		{"result", r, "audit_required", true},
		{"result", r, "block_required", true},
		{"failure", failure, "policy_id", 1.0},
		{"failure", failure, "policy_name", "Default"},
		{"failure", failure, "blocking", true},
		{"failure", failure, "controls", []any{"sensitive_data", "max_severity", "max_score", "license", "trusted_base_images", "custom_checks"}},
		{"severity", checks["Default max_severity"], "policy_id", 1.0},
		{"severity", checks["Default max_severity"], "assurance_type", "image"},
		{"severity", checks["Default max_severity"], "failed", true},
		{"severity", checks["Default max_severity"], "blocking", true},
		{"severity", checks["Default max_severity"], "maximum_severity_allowed", "high"},
		{"severity", checks["Default max_severity"], "maximum_severity_found", "critical"},
		{"score", checks["Default max_score"], "maximum_score_allowed", 7.0},
		{"score", checks["Default max_score"], "maximum_score_found", 9.0},
		{"licence", checks["Default license"], "blacklisted_licenses_found", []any{"GPL-3.0-or-later"}},
		{"secrets", checks["Default sensitive_data"], "sensitive_data_found", 1.0},
		{"base image", checks["Default trusted_base_images"], "allowed_base_images", []any{"docker.io/library/debian:12"}},
		{"passed", checks["Default root_user"], "failed", nil},
		{"DTA", checks["DTA dta"], "dta_skipped", true},
		{"DTA", checks["DTA dta"], "dta_skipped_reason", "Host Image"},
		{"DTA", checks["DTA dta"], "failed", nil},
		{"not blocking", checks["audit-only blacklisted_packages"], "failed", true},
		{"not blocking", checks["audit-only blacklisted_packages"], "blocking", nil},
	} {
		if got := field.in[field.name]; !reflect.DeepEqual(got, field.want) {
			t.Errorf("%s: %s is %v, want %v", field.where, field.name, got, field.want)
		}
	}
}

// Results are kept in Redis and in the audit log, and come back as they were.
func TestResultsComeBack(t *testing.T) {
	first, err := json.Marshal(mirrored(t))
	if err != nil {
		t.Fatal(err)
	}
	var r policies.Result
	if err := json.Unmarshal(first, &r); err != nil {
		t.Fatal(err)
	}
	if again, err := json.Marshal(r); err != nil || string(again) != string(first) {
		t.Errorf("came back as %s, %v", again, err)
	}
	if f := r.Checks[0].Facts; f == nil {
		t.Errorf("facts did not come back: %+v", r.Checks[0])
	}

	// A custom check may be called as a field is.
	c := policies.Check{PolicyName: "p", Control: "custom_checks", Failed: true, Facts: map[string]any{"message": "x", "failed": false, "facts": 1, "other": 2}}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back policies.Check
	if err := json.Unmarshal(b, &back); err != nil || !back.Failed || back.Message != "" || len(back.Facts) != 4 || back.Facts["message"] != "x" {
		t.Errorf("%s came back as %+v, %v", b, back, err)
	}
	if err := json.Unmarshal([]byte(strings.Replace(string(b), `"p"`, `5`, 1)), &back); err == nil {
		t.Error("a policy name that is a number is taken")
	}
}
