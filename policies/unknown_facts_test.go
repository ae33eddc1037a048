package policies_test

import (
	"testing"

	"github.com/sallyport-dev/sallyport/policies"
)

// What nobody could find out is skipped with the reason, and what is merely
// claimed counts where it is denied, not where it is asked for.
func TestUnknownAndClaimedFacts(t *testing.T) {
	claimed := func(in *policies.Input) {
		in.Packages.Items = append(in.Packages.Items, policies.Package{Format: "deb", Name: "agent", Version: "1", FoundBy: "sbom", Claimed: true})
	}
	judge(t, "root_user", []controlCase{
		{"a name that nobody looked up", "only_none_root_users: true", func(in *policies.Input) {
			in.Image.User, in.Image.UID, in.Image.Account = "ghost", "", policies.Origin{}
		}, "skipped", "nobody has looked up the user"},
		{"a name that could not be looked up", "only_none_root_users: true", func(in *policies.Input) {
			in.Image.User, in.Image.UID, in.Image.Account = "ghost", "", policies.Origin{Reason: "no user ghost"}
		}, "skipped", "no user ghost"},
	})
	judge(t, "required_packages", []controlCase{
		{"required, and only claimed", "packages_white_list_enabled: true\npackages_white_list: [{name: agent}, {name: agent, version: \"1\"}]", claimed, "failed", "lacks agent"},
	})
	judge(t, "blacklisted_packages", []controlCase{
		{"denied, and only claimed", "packages_black_list_enabled: true\npackages_black_list: [{name: agent}]", claimed, "failed", "agent 1"},
		{"packages that could not be listed", "packages_black_list_enabled: true\npackages_black_list: [{name: agent}]", func(in *policies.Input) {
			in.Packages = policies.Packages{Origin: policies.Origin{Reason: "layer 3 is no archive"}}
		}, "skipped", "layer 3 is no archive"},
	})
	judge(t, "trusted_base_images", []controlCase{
		{"a base that the image only claims", "trusted_base_images_enabled: true\ntrusted_base_images: [{imagename: library/debian}]", func(in *policies.Input) {
			in.Image.BaseImages.Items = []policies.BaseImage{{Registry: "docker.io", Repository: "library/debian", Tag: "12", Claimed: true}}
		}, "failed", "not built on a trusted"},
	})
}
