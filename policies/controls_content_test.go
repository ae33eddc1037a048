package policies_test

import (
	"slices"
	"testing"

	"github.com/sallyport-dev/sallyport/policies"
)

func TestMalware(t *testing.T) {
	judge(t, "malware", []controlCase{
		{"malware", "disallow_malware: true", malware(policies.MalwareFile{Name: "Miner.X", Path: "/tmp/x"}), "failed", "Miner.X in /tmp/x"},
		{"no malware", "disallow_malware: true", nil, "passed", ""},
		{"malware, nobody looked", "disallow_malware: true", nothingKnown, "skipped", "nobody has looked for malware"},
		{"unwanted software", "disallow_malware: true", malware(policies.MalwareFile{Name: "Toolbar", Path: "/x", PUA: true}), "warning", "potentially unwanted: Toolbar in /x"},
		{"unwanted software counts", "disallow_malware: true\nsallyport: {pua_is_malicious: true}", malware(policies.MalwareFile{Name: "Toolbar", Path: "/x", PUA: true}), "failed", "Toolbar in /x"},
		{"malware in a watched place", "disallow_malware: true\nmonitored_malware_paths: [/tmp]", malware(policies.MalwareFile{Name: "M", Path: "/tmp/x"}), "failed", "M"},
		{"malware elsewhere", "disallow_malware: true\nmonitored_malware_paths: [/tmp]", malware(policies.MalwareFile{Name: "M", Path: "/tmpx"}), "passed", ""},
		{"malware in an excepted place", "disallow_malware: true\nexceptional_monitored_malware_paths: [\"/t*/x\"]", malware(policies.MalwareFile{Name: "M", Path: "/tmp/x"}), "passed", ""},
		{"many are cut short", "disallow_malware: true", malware(slices.Repeat([]policies.MalwareFile{{Name: "M", Path: "/0"}, {Name: "M", Path: "/1"}, {Name: "M", Path: "/2"}, {Name: "M", Path: "/3"}, {Name: "M", Path: "/4"}, {Name: "M", Path: "/5"}, {Name: "M", Path: "/6"}}, 2)...), "failed", "M in /4 and 2 more"},
		{"malware in the watched file itself", "disallow_malware: true\nmonitored_malware_paths: [/tmp/x]", malware(policies.MalwareFile{Name: "M", Path: "/tmp/x"}), "failed", "M"},
		{"malware in an ignored resource", "disallow_malware: true\nignore_risk_resources_enabled: true\nignored_risk_resources: [/tmp]", malware(policies.MalwareFile{Name: "M", Path: "/tmp/x"}), "passed", ""},
		{"unwanted software in an excepted place", "disallow_malware: true\nexceptional_monitored_malware_paths: [/tmp]", malware(policies.MalwareFile{Name: "M", Path: "/tmp/x", PUA: true}), "passed", ""},
	})
}

func TestSensitiveData(t *testing.T) {
	judge(t, "sensitive_data", []controlCase{
		{"secret", "scan_sensitive_data: true", secret("/root/.ssh/id_rsa"), "failed", "private key in /root/.ssh/id_rsa"},
		{"secret in an ignored file", "scan_sensitive_data: true\nignored_sensitive_resources: [/root/.ssh/id_rsa]", secret("/root/.ssh/id_rsa"), "passed", ""},
		{"secret below an ignored pattern", "scan_sensitive_data: true\nignored_sensitive_resources: [\"*/.ssh/*\"]", secret("/root/.ssh/id_rsa"), "passed", ""},
		{"secret, nobody looked", "scan_sensitive_data: true", nothingKnown, "skipped", "nobody has looked for secrets"},
		{"secret in an ignored resource", "scan_sensitive_data: true\nignore_risk_resources_enabled: true\nignored_risk_resources: [/root]", secret("/root/.ssh/id_rsa"), "passed", ""},
		{"secret beside an ignored file", "scan_sensitive_data: true\nignored_sensitive_resources: [/root/.ssh/id]", secret("/root/.ssh/id_rsa"), "failed", "private key"},
		{"no secret", "scan_sensitive_data: true", nil, "passed", ""},
	})
}

func TestRootUser(t *testing.T) {
	judge(t, "root_user", []controlCase{
		{"user by name and id", "only_none_root_users: true", nil, "passed", ""},
		{"no user", "only_none_root_users: true", user("", ""), "failed", "runs as root"},
		{"root by name", "only_none_root_users: true", user("root:adm", ""), "failed", "root"},
		{"root by number", "only_none_root_users: true", user("00:5", ""), "failed", "root"},
		{"root by another name", "only_none_root_users: true", user("toor", "0"), "failed", "root"},
		{"a number", "only_none_root_users: true", user("1000:0", ""), "passed", ""},
		{"a name like root that is somebody else", "only_none_root_users: true", user("root", "101"), "passed", ""},
		{"nought with a group", "only_none_root_users: true", user("0:1000", ""), "failed", "root"},
		{"a number needs nobody to look it up", "only_none_root_users: true", func(in *policies.Input) { nothingKnown(in); in.Image.User = "1000" }, "passed", ""},
		{"root needs nobody to look it up", "only_none_root_users: true", func(in *policies.Input) { nothingKnown(in); in.Image.User = "root" }, "failed", "root"},
		{"a name that nobody has looked up", "only_none_root_users: true", func(in *policies.Input) { nothingKnown(in); in.Image.User = "app" }, "skipped", "nobody has looked up the user"},
	})
}

func TestRequiredLabels(t *testing.T) {
	judge(t, "required_labels", []controlCase{
		{"required label", "required_labels_enabled: true\nrequired_labels: [{key: stage}, {key: st*, value: p*d}]", nil, "passed", ""},
		{"required label is missing", "required_labels_enabled: true\nrequired_labels: [{key: stage, value: test}, {key: owner}]", nil, "failed", "lacks the label owner, stage=test"},
		{"an empty value is any value, also none", "required_labels_enabled: true\nrequired_labels: [{key: empty, value: \"\"}]", labels("empty", ""), "passed", ""},
		{"a value is required and there is none", "required_labels_enabled: true\nrequired_labels: [{key: empty, value: x}]", labels("empty", ""), "failed", "empty=x"},
		{"label in another case", "required_labels_enabled: true\nrequired_labels: [{key: Stage}]", nil, "failed", "Stage"},
		{"no labels at all", "required_labels_enabled: true\nrequired_labels: [{key: stage}]", labels(), "failed", "stage"},
		{"labels are known of every image", "required_labels_enabled: true\nrequired_labels: [{key: stage}]", nothingKnown, "passed", ""},
	})
}

func TestForbiddenLabels(t *testing.T) {
	judge(t, "forbidden_labels", []controlCase{
		{"forbidden label", "forbidden_labels_enabled: true\nforbidden_labels: [{key: stage}]", nil, "failed", "has the label stage=prod"},
		{"forbidden label with another value", "forbidden_labels_enabled: true\nforbidden_labels: [{key: stage, value: test}]", nil, "passed", ""},
		{"forbidden whatever its value", "forbidden_labels_enabled: true\nforbidden_labels: [{key: empty}]", labels("empty", ""), "failed", "has the label empty="},
		{"forbidden by patterns", "forbidden_labels_enabled: true\nforbidden_labels: [{key: \"st*\", value: \"*d\"}]", nil, "failed", "stage=prod"},
		{"an empty list forbids nothing", "forbidden_labels_enabled: true\nforbidden_labels: []", nil, "passed", ""},
	})
}

func TestMicroEnforcer(t *testing.T) {
	judge(t, "force_microenforcer", []controlCase{
		{"micro-enforcer", "force_microenforcer: true", nil, "skipped", "knows no micro-enforcer"},
	})
}

func TestPartialResults(t *testing.T) {
	judge(t, "partial_results", []controlCase{
		{"partial results", "partial_results_image_fail: true\ndisallow_malware: true\nscan_sensitive_data: true", nothingKnown, "failed", "not enough is known for malware, sensitive_data"},
		{"complete results", "partial_results_image_fail: true\ndisallow_malware: true\nforce_microenforcer: true", nil, "passed", ""},
		{"what is excused is not missed", "partial_results_image_fail: true\ndisallow_malware: true\nsallyport: {exempt: [{image: \"*\", reason: r, author: jane}]}", nothingKnown, "exempt", "excused"},
		{"no control that could be skipped", "partial_results_image_fail: true\nonly_none_root_users: true", nothingKnown, "passed", ""},
		{"no dynamic analysis is not partial", "partial_results_image_fail: true\ndta_enabled: true", func(in *policies.Input) { in.DTA = policies.DTA{Status: "skipped"} }, "passed", ""},
		{"one of several is missing", "partial_results_image_fail: true\ndisallow_malware: true\nonly_none_root_users: true\nscan_sensitive_data: true", func(in *policies.Input) { in.Secrets.Known = false }, "failed", "not enough is known for sensitive_data"},
	})
}
