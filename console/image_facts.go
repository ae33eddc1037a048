package console

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies"
)

// Facts are what was found out about one platform's image beyond its
// configuration, as far as some policy needed it.
type Facts struct {
	OSRelease  Fact `json:"os_release"`
	User       Fact `json:"user"`
	Packages   Fact `json:"packages"`
	Setuid     Fact `json:"setuid"`
	BaseImages Fact `json:"base_images"`
}

// Fact is one of them: what it is, and where that comes from.
type Fact struct {
	policies.Origin
	Text  string `json:"text"`            // for people
	Count int    `json:"count,omitempty"` // of packages, files, base images
}

// addFacts adds to doc what is known of its platforms.
func (c *Console) addFacts(ctx context.Context, doc *Image, ref image.Reference) error {
	all, err := c.parts.Gate.Facts(ctx, ref, policies.Context{Kind: "pull"}, false)
	if err != nil {
		return err
	}
	for _, f := range all {
		i := slices.IndexFunc(doc.Sallyport.Platforms, func(p Platform) bool { return p.Digest == f.Facts.Image.Digest })
		if i >= 0 {
			doc.Sallyport.Platforms[i].Facts = factsOf(f.Facts)
		}
	}
	return nil
}

func factsOf(in *policies.Input) *Facts {
	i := &in.Image
	f := &Facts{
		OSRelease:  Fact{Origin: i.OSRelease.Origin, Text: strings.TrimSpace(i.OSRelease.Name + " " + i.OSRelease.VersionID)},
		User:       Fact{Origin: i.Account, Text: i.UID},
		Packages:   Fact{Origin: in.Packages.Origin, Count: len(in.Packages.Items), Text: byFormat(in.Packages.Items)},
		Setuid:     Fact{Origin: i.Setuid.Origin, Count: len(i.Setuid.Items), Text: some(i.Setuid.Items)},
		BaseImages: Fact{Origin: i.BaseImages.Origin, Count: len(i.BaseImages.Items)},
	}
	if name, _, _ := strings.Cut(i.User, ":"); name != "" && name != i.UID {
		f.User.Text = strings.TrimSpace(i.UID + " (" + name + ")")
	}
	var bases []string
	for _, b := range i.BaseImages.Items {
		name := b.Registry + "/" + b.Repository
		if b.Tag != "" {
			name += ":" + b.Tag
		} else {
			name += "@" + b.Digest
		}
		if b.Claimed {
			name += " (claimed)"
		}
		bases = append(bases, name)
	}
	f.BaseImages.Text = some(bases)
	return f
}

// byFormat counts packages: "143 deb, 20 npm".
func byFormat(all []policies.Package) string {
	counts := map[string]int{}
	var formats []string
	for _, p := range all {
		if counts[p.Format]++; counts[p.Format] == 1 {
			formats = append(formats, p.Format)
		}
	}
	slices.Sort(formats)
	for i, f := range formats {
		formats[i] = fmt.Sprintf("%d %s", counts[f], f)
	}
	return strings.Join(formats, ", ")
}

// some are the first few of a list, and how many more there are.
func some(all []string) string {
	const shown = 5
	if len(all) <= shown {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:shown], ", "), len(all)-shown)
}
