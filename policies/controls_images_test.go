package policies_test

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/policies"
)

func TestImagesDeniedByName(t *testing.T) {
	judge(t, "allowed_images", []controlCase{
		{"denied by name", "allowed_images: [{imagename: \"nginx:1.*\", blacklisted: true, author: jane, reason: [licence]}]", nil, "failed", "denied by name, by jane: licence"},
		{"denied in another registry", "allowed_images: [{registry: ghcr.io, imagename: nginx, blacklisted: true}]", nil, "passed", ""},
		{"denied by digest", "allowed_images: [{imagename: \"sha256:" + strings.Repeat("a", 64) + "\", blacklisted: true}]", nil, "failed", "denied by name"},
		{"denied outweighs allowed", "allowed_images: [{imagename: nginx, whitelisted: true}, {imagename: nginx, blacklisted: true}]", nil, "failed", "denied by name"},
	})
}

func TestTrustedBaseImages(t *testing.T) {
	judge(t, "trusted_base_images", []controlCase{
		{"trusted base", "trusted_base_images_enabled: true\ntrusted_base_images: [{registry: docker.io, imagename: \"debian:12*\"}]", base("library/debian", "12.5"), "passed", ""},
		{"trusted base without a tag", "trusted_base_images_enabled: true\ntrusted_base_images: [{imagename: library/debian}]", base("library/debian", "12.5"), "passed", ""},
		{"another base", "trusted_base_images_enabled: true\ntrusted_base_images: [{imagename: \"debian:12*\"}]", base("library/debian", "11"), "failed", "not built on a trusted"},
		{"no base", "trusted_base_images_enabled: true\ntrusted_base_images: [{imagename: \"debian:12*\"}]", nil, "failed", "not built on a trusted"},
		{"base, nobody knows", "trusted_base_images_enabled: true\ntrusted_base_images: [{imagename: debian}]", nothingKnown, "skipped", "nobody knows"},
		{"trusted by digest", "trusted_base_images_enabled: true\ntrusted_base_images: [{imagedigest: \"sha256:b\"}]", func(in *policies.Input) {
			in.Image.BaseImages.Items = []policies.BaseImage{{Repository: "x", Digest: "sha256:b"}}
		}, "passed", ""},
		{"trusted name with another digest", "trusted_base_images_enabled: true\ntrusted_base_images: [{imagename: library/debian, imagedigest: \"sha256:c\"}]", base("library/debian", "12"), "failed", "not built"},
		{"trusted name in another registry", "trusted_base_images_enabled: true\ntrusted_base_images: [{registry: ghcr.io, imagename: debian}]", base("library/debian", "12"), "failed", "not built"},
		{"all of a registry", "trusted_base_images_enabled: true\ntrusted_base_images: [{registry: docker.io, imagename: \"*\"}]", base("library/debian", "12"), "passed", ""},
		{"an empty list trusts none", "trusted_base_images_enabled: true\ntrusted_base_images: []", base("library/debian", "12"), "failed", "not built"},
		{"any of several bases", "trusted_base_images_enabled: true\ntrusted_base_images: [{imagename: library/debian}]", func(in *policies.Input) {
			in.Image.BaseImages.Items = []policies.BaseImage{{Repository: "team/base"}, {Registry: "docker.io", Repository: "library/debian"}}
		}, "passed", ""},
	})
}

func TestExemptions(t *testing.T) {
	judge(t, "root_user", []controlCase{
		{"allowed by name", "only_none_root_users: true\nallowed_images: [nginx]", user("", ""), "exempt", "allowed by this policy"},
		{"excused", "only_none_root_users: true\nsallyport: {exempt: [{image: \"nginx:*\", reason: moves soon, author: jane}]}", user("", ""), "exempt", "excused by jane: moves soon"},
		{"excused until tomorrow", "only_none_root_users: true\nsallyport: {exempt: [{image: nginx, reason: r, author: jane, expires: 2026-09-01}]}", user("", ""), "exempt", "until 2026-09-02T00:00:00Z"},
		{"excused until yesterday", "only_none_root_users: true\nsallyport: {exempt: [{image: nginx, reason: r, author: jane, expires: 2026-08-31}]}", user("", ""), "failed", "root"},
		{"another image is excused", "only_none_root_users: true\nsallyport: {exempt: [{image: httpd, reason: r, author: jane}]}", user("", ""), "failed", "root"},
		{"excused from another control", "only_none_root_users: true\nsallyport: {exempt: [{image: \"*\", control: dta, reason: r, author: jane}]}", user("", ""), "failed", "root"},
		{"excused until this very second", "only_none_root_users: true\nsallyport: {exempt: [{image: nginx, reason: r, author: jane, expires: \"2026-09-01T12:00:00Z\"}]}", user("", ""), "failed", "root"},
		{"excused for one more second", "only_none_root_users: true\nsallyport: {exempt: [{image: nginx, reason: r, author: jane, expires: \"2026-09-01T12:00:01Z\"}]}", user("", ""), "exempt", "until 2026-09-01T12:00:01Z"},
		{"excused by digest", "only_none_root_users: true\nsallyport: {exempt: [{image: \"sha256:" + strings.Repeat("a", 64) + "\", reason: r, author: jane}]}", user("", ""), "exempt", "excused"},
		{"excused from this control", "only_none_root_users: true\nsallyport: {exempt: [{image: nginx, control: root_user, reason: r, author: jane}]}", user("", ""), "exempt", "excused"},
	})
}

func TestExemptionsFromWaiting(t *testing.T) {
	judge(t, "dta", []controlCase{
		{"excused from waiting", "dta_enabled: true\nsallyport: {exempt: [{image: \"*\", control: dta, reason: r, author: jane}]}", func(in *policies.Input) { in.DTA = policies.DTA{Status: "none"} }, "exempt", "excused"},
	})
}
