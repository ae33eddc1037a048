package gate

import (
	"context"
	"slices"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/policies"
)

// partWords are the parts of the facts in the words of inspect.
var partWords = map[policies.Part]inspect.Part{
	policies.PartAccount:         inspect.Account,
	policies.PartOSRelease:       inspect.OS,
	policies.PartSetuid:          inspect.Rights,
	policies.PartBaseImages:      inspect.BaseImages,
	policies.PartPackages:        inspect.Packages,
	policies.PartVulnerabilities: inspect.Vulnerabilities,
	policies.PartMalware:         inspect.Malware,
	policies.PartSecrets:         inspect.Secrets,
}

// findable are the parts that somebody finds out, in the words of the policies.
func (a *asking) findable() []policies.Part {
	var parts []policies.Part
	for word, part := range partWords {
		if slices.Contains(a.gate.cfg.Inspector.Gives(), part) {
			parts = append(parts, word)
		}
	}
	return parts
}

// find asks for the parts that the policies read which include the image, and
// for no others: most images are judged without a look into their layers.
func (a *asking) find(ctx context.Context, l leaf, in *policies.Input) (inspect.Knowledge, <-chan struct{}, error) {
	needs := a.policies.Needs(in)
	if len(needs) == 0 {
		return inspect.Knowledge{Gathered: true}, nil, nil
	}
	parts := make([]inspect.Part, len(needs))
	for i, n := range needs {
		parts[i] = partWords[n]
	}
	s, err := a.subject(ctx, l)
	if err != nil {
		return inspect.Knowledge{}, nil, err
	}
	return a.gate.cfg.Inspector.Find(ctx, s, parts...)
}

// subject is the image for those who look into it, with the indexes that are
// known to lead to it.
func (a *asking) subject(ctx context.Context, l leaf) (inspect.Subject, error) {
	ref := a.req.Reference.WithDigest(l.facts.Digest)
	ref.Tag = ""
	parents, err := a.gate.names.lineage(ctx, ref)
	if err != nil {
		return inspect.Subject{}, err
	}
	indexes := append(slices.Clone(l.lineage), parents...)
	indexes = slices.DeleteFunc(indexes, func(d digest.Digest) bool { return d == l.facts.Digest })
	slices.Sort(indexes)
	return inspect.Subject{Reference: ref, Facts: l.facts, Indexes: slices.Compact(indexes)}, nil
}

// fill puts what sources found out into the facts document; base images are there already.
func fill(in *policies.Input, k inspect.Knowledge) {
	m := k.Merge()
	in.Image.UID, in.Image.GID, in.Image.Account = m.User.UID, m.User.GID, origin(m.Account)
	in.Image.OSRelease = policies.OSRelease{Origin: origin(m.OSRelease), ID: m.OS.ID, VersionID: m.OS.VersionID, Name: m.OS.Name}
	in.Image.Setuid = policies.Files{Origin: origin(m.Rights), Items: m.Setuid}
	in.Image.Capable = policies.Files{Origin: origin(m.Rights), Items: m.Capable}
	in.Packages.Origin, in.Vulnerabilities.Origin = origin(m.Packages), origin(m.Vulnerabilities)
	in.Malware.Origin, in.Secrets.Origin = origin(m.Malware), origin(m.Secrets)
	for _, p := range m.Installed {
		in.Packages.Items = append(in.Packages.Items, policies.Package{
			Format: p.Format, Name: p.Name, Epoch: p.Epoch, Version: p.Version, Release: p.Release, Arch: p.Arch,
			Licenses: p.Licenses, Source: p.Source, Path: p.Path, FoundBy: p.FoundBy, Claimed: p.Claimed,
		})
	}
	for _, v := range m.Weaknesses {
		in.Vulnerabilities.Items = append(in.Vulnerabilities.Items, policies.Vulnerability{
			ID: v.ID, Severity: v.Severity, Score: v.Score, Package: v.Package, Version: v.Version, Path: v.Path,
			FixVersion: v.FixVersion, Published: v.Published, FixPublished: v.FixPublished, Exploits: v.Exploits,
		})
	}
	for _, f := range m.Infected {
		in.Malware.Items = append(in.Malware.Items, policies.MalwareFile(f))
	}
	for _, s := range m.Credentials {
		in.Secrets.Items = append(in.Secrets.Items, policies.Secret(s))
	}
}

// bases are the base images under all tags by which the gate knows them.
func (a *asking) bases(ctx context.Context, k inspect.Knowledge) (policies.BaseImages, error) {
	from, found := k.Bases()
	all := policies.BaseImages{Origin: origin(from)}
	for _, b := range found {
		item := policies.BaseImage{Registry: b.Reference.Registry, Repository: b.Reference.Repository, Tag: b.Reference.Tag, Digest: b.Reference.Digest.String(), Claimed: b.Claimed}
		tags, digests := []string(nil), []digest.Digest(nil)
		if b.Reference.Digest != "" && !b.Claimed {
			var err error
			if tags, err = a.gate.names.tags(ctx, b.Reference); err != nil {
				return all, err
			}
			if digests, err = a.gate.names.lineage(ctx, b.Reference); err != nil {
				return all, err
			}
		}
		if item.Tag != "" || len(tags) == 0 {
			all.Items = append(all.Items, item)
		}
		for _, tag := range tags {
			if tag != b.Reference.Tag {
				item.Tag = tag
				all.Items = append(all.Items, item)
			}
		}
		// People name multi-platform images by the digest of the index.
		for _, d := range digests {
			if d != b.Reference.Digest {
				item.Tag, item.Digest = "", d.String()
				all.Items = append(all.Items, item)
			}
		}
	}
	return all, nil
}

func origin(o inspect.Origin) policies.Origin { return policies.Origin(o) }
