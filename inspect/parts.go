package inspect

import (
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect/packages"
)

// Part is a group of facts that is found out together, and only when somebody
// needs it: the rest of an image's facts are in its manifest and configuration.
type Part string

// The parts.
const (
	Account         Part = "account"    // whose rights the image's processes begin with
	OS              Part = "os_release" // the distribution
	Packages        Part = "packages"
	Rights          Part = "setuid" // files with rights of their own: set-user-ID, set-group-ID, capabilities
	BaseImages      Part = "base_images"
	Vulnerabilities Part = "vulnerabilities"
	Malware         Part = "malware"
	Secrets         Part = "secrets"
)

// Parts are all parts.
var Parts = []Part{Account, OS, Packages, Rights, BaseImages, Vulnerabilities, Malware, Secrets}

// Finding is what one source found out about one image. It is immutable, and
// one object in storage.
type Finding struct {
	Source  string        `json:"source"`            // Source.Name
	Version string        `json:"version"`           // Source.Version
	Digest  digest.Digest `json:"digest"`            // of the image
	Time    time.Time     `json:"time"`              // when it looked
	Until   time.Time     `json:"until,omitzero"`    // from then on it may be another; zero: never
	Claimed bool          `json:"claimed,omitempty"` // it is somebody's word: adds to what is known, makes nothing known

	// Parts says of every part that the source gives whether it is known: ""
	// when it is, else why not.
	Parts map[Part]string `json:"parts"`

	User            *User              `json:"user,omitempty"`
	OS              *OSRelease         `json:"os_release,omitempty"`
	Packages        []packages.Package `json:"packages,omitempty"`
	Setuid          []string           `json:"setuid,omitempty"`       // absolute paths, sorted
	Capabilities    []string           `json:"capabilities,omitempty"` // absolute paths, sorted
	BaseImages      []BaseImage        `json:"base_images,omitempty"`
	Vulnerabilities []Vulnerability    `json:"vulnerabilities,omitempty"`
	Malware         []MalwareFile      `json:"malware,omitempty"`
	Secrets         []Secret           `json:"secrets,omitempty"`

	failed bool   // could not look: to be tried again
	sum    string // of everything but the times
}

// Called is what a source is called where facts are shown: its name and version.
func (f *Finding) Called() string { return f.Source + " " + f.Version }

// Knows tells whether the source found out p.
func (f *Finding) Knows(p Part) bool { reason, gives := f.Parts[p]; return gives && reason == "" }

// User is who an image's processes begin as, as a runtime would resolve it.
type User struct {
	UID string `json:"uid"` // decimal
	GID string `json:"gid,omitempty"`
}

// OSRelease is the distribution, in the words of os-release(5).
type OSRelease struct {
	ID        string `json:"id"`
	VersionID string `json:"version_id,omitempty"`
	Name      string `json:"name,omitempty"`
}

// BaseImage is one image that another is built upon.
type BaseImage struct {
	Reference image.Reference `json:"reference"`         // repository, and tag or digest as far as they are known
	Claimed   bool            `json:"claimed,omitempty"` // the image says so; its layers do not prove it
}

// Vulnerability is one known weakness of one package.
type Vulnerability struct {
	ID           string    `json:"id"`                 // CVE-2021-44228
	Severity     string    `json:"severity,omitempty"` // negligible, low, medium, high, critical
	Score        float64   `json:"score,omitempty"`    // CVSS, 0 to 10
	Package      string    `json:"package"`
	Version      string    `json:"version,omitempty"`
	Path         string    `json:"path,omitempty"`
	FixVersion   string    `json:"fix_version,omitempty"` // empty: there is no fix
	Published    time.Time `json:"published,omitzero"`
	FixPublished time.Time `json:"fix_published,omitzero"`
	Exploits     []string  `json:"exploits,omitempty"` // types of known exploits
}

// MalwareFile is one file that is known to be bad.
type MalwareFile struct {
	Path string `json:"path"`
	Name string `json:"name"` // of the malware
	Hash string `json:"hash,omitempty"`
	PUA  bool   `json:"pua,omitempty"` // potentially unwanted rather than malicious
}

// Secret is one credential among the image's files; never its value.
type Secret struct {
	Path string `json:"path"`
	Type string `json:"type"`
}

// Knowledge is what all sources found out about one image.
type Knowledge struct {
	Findings []*Finding // in the order of the sources
	Gathered bool       // false: some source is still at work
}
