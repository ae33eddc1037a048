package inspect

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/inspect/packages"
	"github.com/sallyport-dev/sallyport/inspect/packages/licence"
)

// Merged is what all sources together say about an image, but for its base
// images, which Bases says. How they are merged:
//
//   - A part is known when a source knows it that does not merely claim.
//   - Of the account and the distribution, the first source that knows counts.
//   - Lists are united. Of a package that several list, the first source's entry stays, and
//     takes the licences of the next that names any when it has none. Of a
//     vulnerability, the worst severity and score. Nothing that one source lists is taken away
//     by another that does not.
//   - What is claimed is added to lists, and says so.
type Merged struct {
	Account   Origin
	User      User
	OSRelease Origin
	OS        OSRelease
	Rights    Origin
	Setuid    []string
	Capable   []string
	Packages  Origin
	Installed []Installed

	Vulnerabilities Origin
	Weaknesses      []Vulnerability
	Malware         Origin
	Infected        []MalwareFile
	Secrets         Origin
	Credentials     []Secret
}

// Origin says where a part comes from.
type Origin struct {
	Known  bool
	Source string    // name and version of what found out; of several, with commas
	Time   time.Time // when the first of them looked
	Reason string    // why it is not known
}

// Installed is a package, and the source that listed it.
type Installed struct {
	packages.Package
	FoundBy string // name of the source
	Claimed bool   // nobody but claims lists it
}

// origin is that of p.
func (k Knowledge) origin(p Part) Origin {
	var o Origin
	var sources, reasons []string
	for _, f := range k.Findings {
		reason, gives := f.Parts[p]
		switch {
		case !gives:
		case reason != "":
			if !f.Claimed { // that nobody claims anything is no reason
				reasons = append(reasons, reason)
			}
		default:
			sources = append(sources, f.Called())
			if o.Time.IsZero() {
				o.Time = f.Time
			}
			o.Known = o.Known || !f.Claimed
		}
	}
	o.Source = strings.Join(sources, ", ")
	if !o.Known {
		o.Reason = strings.Join(reasons, "; ")
		if o.Reason == "" && !k.Gathered {
			o.Reason = "it is being looked into"
		}
	}
	return o
}

// Bases are the base images, and where they come from.
func (k Knowledge) Bases() (Origin, []BaseImage) {
	var all []BaseImage
	for _, f := range k.Findings {
		all = append(all, f.BaseImages...)
	}
	return k.origin(BaseImages), all
}

// Merge puts together what is known.
func (k Knowledge) Merge() Merged {
	m := Merged{
		Account: k.origin(Account), OSRelease: k.origin(OS), Rights: k.origin(Rights),
		Packages: k.origin(Packages), Vulnerabilities: k.origin(Vulnerabilities), Malware: k.origin(Malware), Secrets: k.origin(Secrets),
	}
	user, os := false, false
	for _, f := range k.Findings {
		if !user && !f.Claimed && f.Knows(Account) && f.User != nil {
			m.User, user = *f.User, true
		}
		if !os && !f.Claimed && f.Knows(OS) && f.OS != nil {
			m.OS, os = *f.OS, true
		}
		m.Setuid, m.Capable = append(m.Setuid, f.Setuid...), append(m.Capable, f.Capabilities...)
		m.Infected, m.Credentials = append(m.Infected, f.Malware...), append(m.Credentials, f.Secrets...)
		m.install(f)
		m.weaken(f)
	}
	for _, paths := range []*[]string{&m.Setuid, &m.Capable} {
		slices.Sort(*paths)
		*paths = slices.Compact(*paths)
	}
	return m
}

// install adds a source's packages.
func (m *Merged) install(f *Finding) {
	if len(f.Packages) == 0 {
		return
	}
	type key struct{ format, name, epoch, version, release string }
	have := map[key][]int{}
	for i, p := range m.Installed {
		k := key{p.Format, p.Name, p.Epoch, p.Version, p.Release}
		have[k] = append(have[k], i)
	}
	for _, p := range f.Packages {
		same := false
		for _, i := range have[key{p.Format, p.Name, p.Epoch, p.Version, p.Release}] {
			old := &m.Installed[i]
			if old.Arch != p.Arch && old.Arch != "" && p.Arch != "" {
				continue
			}
			if same = true; slices.Equal(old.Licenses, []string{licence.Unknown}) {
				old.Licenses = p.Licenses
			}
		}
		if !same {
			m.Installed = append(m.Installed, Installed{p, f.Source, f.Claimed})
		}
	}
}

var severities = []string{"", "negligible", "low", "medium", "high", "critical"}

// weaken adds a source's vulnerabilities.
func (m *Merged) weaken(f *Finding) {
	if len(f.Vulnerabilities) == 0 {
		return
	}
	type key struct{ id, pkg, version, path string }
	have := map[key]int{}
	for i, v := range m.Weaknesses {
		have[key{v.ID, v.Package, v.Version, v.Path}] = i
	}
	for _, v := range f.Vulnerabilities {
		i, ok := have[key{v.ID, v.Package, v.Version, v.Path}]
		if !ok {
			m.Weaknesses = append(m.Weaknesses, v)
			continue
		}
		old := &m.Weaknesses[i]
		if slices.Index(severities, v.Severity) > slices.Index(severities, old.Severity) {
			old.Severity = v.Severity
		}
		old.Score = max(old.Score, v.Score)
		old.FixVersion = cmp.Or(old.FixVersion, v.FixVersion)
	}
}
