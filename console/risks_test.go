package console_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/report"
)

// issue is what Aqua's clients send for one risk.
const issue = `{"issue_type":"vulnerability","issue_name":"CVE-2024-3094","resource_type":"package","resource_name":"xz-utils","resource_version":"5.6.1",
"resource_format":"deb","resource_cpe":"cpe:/a:xz:xz:5.6.1","resource_path":"","resource_hash":"","registry_name":"demo.test","image_name":"team/app:v1",
"fix_version":"5.6.2","os":"debian","os_version":"13","docker_id":"","permission":"","expiration_days":30,"comment":"","author":"somebody else","date":"0001-01-01T00:00:00Z"}`

func TestRisksAreAcknowledgedAsAquasClientsDo(t *testing.T) {
	s := open(t)
	const path = "/api/v2/risks/acknowledge"
	s.Push(t, "demo.test/team/app:v1", report.Clean)
	s.pull(t, "demo.test/team/app:v1")
	s.do(t, "POST", path, `{"comment":"not reachable","issues":[`+issue+`]}`, http.StatusCreated, nil)
	var list struct {
		Count  int
		Result []gate.Risk
	}
	s.do(t, "GET", path+"?order_by=date", nil, http.StatusOK, &list)
	if list.Count != 1 {
		t.Fatalf("list %+v", list)
	}
	k := list.Result[0]
	if k.Author != "administrator" || k.Comment != "not reachable" || k.FixVersion != "5.6.2" || k.ExpirationDays != 30 || k.ExpirationConfiguredBy != "administrator" ||
		k.Date.IsZero() || k.Expired || !k.Expires.After(time.Now().AddDate(0, 0, 29)) {
		t.Errorf("kept as %+v", k)
	}
	for query, want := range map[string]int{
		"issue_name=CVE-2024-3094": 1, "issue_name=CVE-1": 0, "registry_name=demo.test&image_name=team/app:v1": 1, "image_name=other:1": 0,
		"author=administrator&expired=false": 1, "expired=true": 0, "issue_type=malware": 0, "resource_name=xz-utils&order_by=-date": 1,
	} {
		s.do(t, "GET", path+"?"+query, nil, http.StatusOK, &list)
		if list.Count != want {
			t.Errorf("%s: %d, want %d", query, list.Count, want)
		}
	}
	var doc console.Image
	s.do(t, "GET", "/api/v2/images/demo.test/team/app/v1", nil, http.StatusOK, &doc)
	if len(doc.Sallyport.Acknowledged) != 1 || doc.Sallyport.Acknowledged[0].ID != k.ID {
		t.Errorf("the image's document says %+v", doc.Sallyport.Acknowledged)
	}
	s.do(t, "DELETE", path+"/multiple", `{"issues":[`+issue+`]}`, http.StatusNoContent, nil)
	s.do(t, "DELETE", path+"/multiple", `{"issues":[`+issue+`]}`, http.StatusNotFound, nil)
	s.do(t, "GET", path, nil, http.StatusOK, &list)
	if list.Count != 0 {
		t.Errorf("after it was revoked: %+v", list)
	}
}

func TestRisksByOurNames(t *testing.T) {
	s := open(t)
	const path = "/api/v2/risks/acknowledge"
	for target, want := range map[string][3]string{
		"localhost:5000/demo.test/a/b:1": {"demo.test", "", "a/b:1"},
		"nginx":                          {"docker.io", "library/nginx", ""},
		"ghcr.io":                        {"ghcr.io", "", ""},
		"demo.test/a/b@sha256:" + strings.Repeat("a", 64): {"demo.test", "", "a/b@sha256:" + strings.Repeat("a", 64)},
	} {
		var answer console.RisksAnswer
		s.do(t, "POST", path, console.RisksRequest{Comment: "why", Issues: []console.Issue{{
			Risk: gate.Risk{IssueType: "malware", IssueName: "eicar"}, Target: target,
		}}}, http.StatusCreated, &answer)
		if k := answer.Issues[0]; [3]string{k.RegistryName, k.RepositoryName, k.ImageName} != want {
			t.Errorf("%s: %+v", target, k)
		}
	}
	for name, body := range map[string]string{
		"no body":        ``,
		"no issues":      `{"comment":"why","issues":[]}`,
		"no comment":     `{"issues":[{"issue_type":"malware","issue_name":"x"}]}`,
		"no type":        `{"comment":"why","issues":[{"issue_name":"x"}]}`,
		"no such target": `{"comment":"why","issues":[{"issue_type":"malware","issue_name":"x","sallyport_target":"A B"}]}`,
		"wrong type":     `{"comment":"why","issues":[{"issue_type":"malware","issue_name":"x","expiration_days":"soon"}]}`,
	} {
		if code, answer := s.as(t, s.admin, "POST", path, body); code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, code, answer)
		}
	}
	var made struct{ Token string }
	s.do(t, "POST", "/api/v1/tokens", `{"name":"looks","role":"reader"}`, http.StatusCreated, &made)
	if code, _ := s.as(t, made.Token, "POST", path, `{"comment":"why","issues":[{"issue_type":"malware","issue_name":"x"}]}`); code != http.StatusForbidden {
		t.Errorf("a reader acknowledges: %d", code)
	}
	if code, _ := s.as(t, made.Token, "GET", path, nil); code != http.StatusOK {
		t.Errorf("a reader looks: %d", code)
	}
}

func FuzzRisks(f *testing.F) {
	f.Add([]byte(`{"comment":"c","issues":[` + issue + `]}`))
	f.Add([]byte(`{"issues":[{"sallyport_expires":"9999-12-31T23:59:59Z","image_name":"**","registry_name":"[::1]"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var req console.RisksRequest
		if json.Unmarshal(b, &req) != nil {
			return
		}
		for _, i := range req.Issues {
			k, err := i.Normal()
			if err != nil {
				continue
			}
			if again, err := k.Normal(); err != nil || again.ID != k.ID {
				t.Errorf("%+v is not normal: %v", k, err)
			}
		}
	})
}
