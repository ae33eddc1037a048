package policies_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/document"
)

func setOf(t *testing.T, docs ...string) *policies.Set {
	t.Helper()
	var parsed []document.Document
	for i, text := range docs {
		d, err := document.Parse(fmt.Sprintf("%d.yaml", i), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, d)
	}
	s, err := policies.Compile(t.Context(), parsed, policies.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestNeeds(t *testing.T) {
	check := func(rego string) string {
		return fmt.Sprintf("name: p\ncustom_checks_enabled: true\ncustom_checks:\n- {name: c, snippet: %q}\n", rego)
	}
	every := []policies.Part{policies.PartAccount, policies.PartBaseImages, policies.PartMalware, policies.PartOSRelease, policies.PartPackages, policies.PartSecrets, policies.PartSetuid, policies.PartVulnerabilities}
	for _, c := range []struct {
		name, policy string
		want         []policies.Part
	}{
		{"nothing", "name: p\n", nil},
		{"dynamic analysis", "name: p\ndta_enabled: true\n", nil},
		{"labels", "name: p\nrequired_labels_enabled: true\nrequired_labels: [{key: a}]\n", nil},
		{"packages", "name: p\npackages_black_list_enabled: true\npackages_black_list: [{name: a}]\n", []policies.Part{policies.PartPackages}},
		{"licences", "name: p\nwhitelisted_licenses_enabled: true\nwhitelisted_licenses: [MIT]\n", []policies.Part{policies.PartPackages}},
		{"users and malware", "name: p\nonly_none_root_users: true\ndisallow_malware: true\n", []policies.Part{policies.PartAccount, policies.PartMalware}},
		{"severity and secrets", "name: p\ncvss_severity_enabled: true\ncvss_severity: high\nscan_sensitive_data: true\n", []policies.Part{policies.PartSecrets, policies.PartVulnerabilities}},
		{"base images", "name: p\ntrusted_base_images_enabled: true\ntrusted_base_images: [{imagename: a}]\n", []policies.Part{policies.PartBaseImages}},
		{"a control that is off", "name: p\npackages_black_list: [{name: a}]\n", nil},
		{"a policy that is off", "name: p\nenabled: false\nonly_none_root_users: true\n", nil},
		{"of other images", "name: p\nonly_none_root_users: true\nscope: image.name.elsewhere/*\n", nil},
		{"a check that reads names", check("deny contains m if { some m in input.image.names }"), nil},
		{"a check that reads set-user-ID files", check("deny contains m if { some m in input.image.setuid.items }"), []policies.Part{policies.PartSetuid}},
		{"a check that reads capabilities", check("deny contains m if { some m in input.image.file_capabilities.items }"), []policies.Part{policies.PartSetuid}},
		{"a check that reads the distribution", check(`deny contains "old" if { input.image.os_release.id == "debian" }`), []policies.Part{policies.PartOSRelease}},
		{"a check that reads the user", check(`deny contains "root" if { input.image.runs_as_root }`), []policies.Part{policies.PartAccount}},
		{"a check that reads a sum", check(`deny contains "many" if { input.summary.packages > 9 }`), []policies.Part{policies.PartPackages}},
		{"a check that reads the image under another name", check(`deny contains "x" if { i := input.image; count(i.setuid.items) > 0 }`), []policies.Part{policies.PartAccount, policies.PartBaseImages, policies.PartOSRelease, policies.PartSetuid}},
		{"a check that reads what a variable says", check(`deny contains "x" if { some part in ["packages"]; input[part] }`), every},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := setOf(t, c.policy).Needs(nginx()); !slices.Equal(got, c.want) {
				t.Errorf("needs %v, want %v", got, c.want)
			}
		})
	}
	t.Run("several policies", func(t *testing.T) {
		got := setOf(t, "name: a\nonly_none_root_users: true\n", "name: b\ndisallow_malware: true\n", "name: c\nonly_none_root_users: true\n").Needs(nginx())
		if !slices.Equal(got, []policies.Part{policies.PartAccount, policies.PartMalware}) {
			t.Errorf("needs %v", got)
		}
	})
}
