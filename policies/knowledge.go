package policies

import "time"

// Origin says where facts come from. Facts that are not Known are not "none":
// nobody has looked.
type Origin struct {
	Known  bool      `json:"known"`            // somebody looked; otherwise nothing that stands beside it means "none"
	Source string    `json:"source,omitempty"` // name and version of what found out; of several, with commas
	Time   time.Time `json:"time,omitzero"`    // when it looked
	Reason string    `json:"reason,omitempty"` // why it is not known
}

// Step is one line of an image's history.
type Step struct {
	Created   time.Time `json:"created,omitzero"`      // when it was made
	CreatedBy string    `json:"created_by"`            // instruction of the build
	Comment   string    `json:"comment,omitempty"`     // of the build tool
	Empty     bool      `json:"empty_layer,omitempty"` // changed no file
}

// OSRelease is the distribution, in the words of os-release(5).
type OSRelease struct {
	Origin
	ID        string `json:"id"`                   // debian, alpine, …; empty when there is none
	VersionID string `json:"version_id,omitempty"` // 12, 3.20, …
	Name      string `json:"name,omitempty"`       // for people
}

// Files is a list of paths in the image.
type Files struct {
	Origin
	Items []string `json:"items"` // absolute, sorted
}

// BaseImages are the images that this one is built upon, nearest first.
type BaseImages struct {
	Origin
	Items []BaseImage `json:"items"` // nearest first
}

// BaseImage is one image that was built upon.
type BaseImage struct {
	Registry   string `json:"registry"`          // normalised host
	Repository string `json:"repository"`        // path
	Tag        string `json:"tag,omitempty"`     // under which its registry was asked
	Digest     string `json:"digest,omitempty"`  // of its manifest
	Claimed    bool   `json:"claimed,omitempty"` // the image says so itself; no layers prove it, and no control counts it
}

// Packages is the software in the image.
type Packages struct {
	Origin
	Items []Package `json:"items"` // sorted by format, name and version
}

// Package is one package of a package manager of the system or of a language.
type Package struct {
	Format   string   `json:"format"`             // deb, apk, rpm, npm, pypi, gem, maven, go, …
	Name     string   `json:"name"`               // as the package manager spells it
	Epoch    string   `json:"epoch,omitempty"`    // of deb and rpm
	Version  string   `json:"version"`            // without epoch and release
	Release  string   `json:"release,omitempty"`  // the distribution's part of the version
	Arch     string   `json:"arch,omitempty"`     // as the package manager spells it: amd64, x86_64, noarch
	Licenses []string `json:"licenses"`           // SPDX identifiers where they are known, alternatives among them; NOASSERTION when nobody says
	Source   string   `json:"source,omitempty"`   // name of the source package that it was built from
	Path     string   `json:"path"`               // where it lies, or the database that lists it
	FoundBy  string   `json:"found_by,omitempty"` // what lists it: image (its own databases), sbom (an attached document)
	Claimed  bool     `json:"claimed,omitempty"`  // no database of the image lists it; it counts where packages or licences are denied, not where they are required
}

// Vulnerabilities are the known weaknesses of the packages.
type Vulnerabilities struct {
	Origin
	Items []Vulnerability `json:"items"` // one for each package that has it
}

// Vulnerability is one weakness in one package.
type Vulnerability struct {
	ID             string    `json:"id"`                        // CVE-2021-44228
	Severity       string    `json:"severity"`                  // negligible, low, medium, high, critical; empty when nobody says
	CustomSeverity string    `json:"custom_severity,omitempty"` // as a person changed it
	Score          float64   `json:"score"`                     // CVSS, 0 to 10
	Package        string    `json:"package"`                   // name of the package that has it
	Version        string    `json:"version,omitempty"`         // of that package
	Path           string    `json:"path"`                      // where the package lies
	FixVersion     string    `json:"fix_version,omitempty"`     // empty: there is no fix
	Published      time.Time `json:"published,omitzero"`        // when it became known
	FixPublished   time.Time `json:"fix_published,omitzero"`    // when a version without it came out
	Exploits       []string  `json:"exploits"`                  // types of known exploits
	FromBaseImage  bool      `json:"from_base_image,omitempty"` // the package comes from the base image
}

// Malware is known bad content in the image's files.
type Malware struct {
	Origin
	Items []MalwareFile `json:"items"` // one for each file
}

// MalwareFile is one file that is known to be bad.
type MalwareFile struct {
	Path string `json:"path"`           // absolute
	Name string `json:"name"`           // of the malware
	Hash string `json:"hash,omitempty"` // of the file, with its algorithm
	PUA  bool   `json:"pua,omitempty"`  // potentially unwanted rather than malicious
}

// Secrets are credentials in the image's files.
type Secrets struct {
	Origin
	Items []Secret `json:"items"` // one for each place; values are never told
}

// Secret is one credential. Its value is never among the facts.
type Secret struct {
	Path string `json:"path"` // absolute
	Type string `json:"type"` // private key, cloud token, …
}

// Acknowledgement is a risk that a person accepted, for a time. Empty fields
// match anything; in all but Type "*" stands for any characters.
type Acknowledgement struct {
	ID      string    `json:"id,omitempty"`               // where it is kept
	Type    string    `json:"issue_type"`                 // vulnerability, malware, sensitive_data
	Name    string    `json:"issue_name"`                 // CVE, name of malware, type of secret
	Package string    `json:"resource_name,omitempty"`    // of a vulnerability
	Version string    `json:"resource_version,omitempty"` // of that package
	Path    string    `json:"resource_path,omitempty"`
	Hash    string    `json:"resource_hash,omitempty"` // of malware
	Comment string    `json:"comment"`
	Author  string    `json:"author"`
	Date    time.Time `json:"date,omitzero"`
	Expires time.Time `json:"expires,omitzero"` // zero: never
}
