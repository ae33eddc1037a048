package gate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/scope"
)

// Risk is a finding that a person acknowledged: it no longer counts for the
// images that are named, until it expires. Fields are those of Aqua's
// acknowledgements; in names "*" stands for any characters, and an empty one
// matches anything.
type Risk struct {
	ID string `json:"id"` // of what is acknowledged: the same again is the same risk

	IssueType string `json:"issue_type"` // vulnerability, malware, sensitive_data
	IssueName string `json:"issue_name"` // CVE, name of malware, type of secret

	RegistryName   string `json:"registry_name"`   // host
	RepositoryName string `json:"repository_name"` // path
	ImageName      string `json:"image_name"`      // repository:tag or repository@digest

	ResourceType    string `json:"resource_type"` // package, file, executable, image
	ResourceName    string `json:"resource_name"` // of the package
	ResourceVersion string `json:"resource_version"`
	ResourceFormat  string `json:"resource_format"` // kept, not compared
	ResourceCPE     string `json:"resource_cpe"`    // kept, not compared
	ResourcePath    string `json:"resource_path"`
	ResourceHash    string `json:"resource_hash"` // of malware
	FixVersion      string `json:"fix_version"`   // kept, not compared
	OS              string `json:"os"`            // kept, not compared
	OSVersion       string `json:"os_version"`    // kept, not compared
	DockerID        string `json:"docker_id"`     // kept, not compared

	Comment                string    `json:"comment"`
	Author                 string    `json:"author"`
	Date                   time.Time `json:"date"`
	ExpirationDays         int       `json:"expiration_days"` // from ExpirationConfiguredAt; 0: never
	ExpirationConfiguredAt time.Time `json:"expiration_configured_at,omitzero"`
	ExpirationConfiguredBy string    `json:"expiration_configured_by,omitempty"`
	Expires                time.Time `json:"sallyport_expires,omitzero"` // ours: to the second; zero: never
	Expired                bool      `json:"sallyport_expired"`          // when it was listed
}

// ErrRisk is of risks that cannot be acknowledged.
var ErrRisk = errors.New("cannot be acknowledged")

// ErrUnknownRisk is of risks that nobody acknowledged.
var ErrUnknownRisk = errors.New("no such acknowledged risk")

var issueTypes = []string{"vulnerability", "malware", "sensitive_data"}

// Normal is r with names in the spelling that decisions use, its expiry and
// its id. Errors wrap ErrRisk.
func (r Risk) Normal() (Risk, error) {
	r.IssueType = strings.ToLower(strings.TrimSpace(r.IssueType))
	for _, s := range []*string{&r.IssueName, &r.RegistryName, &r.RepositoryName, &r.ImageName, &r.ResourceName, &r.ResourceVersion, &r.ResourcePath, &r.ResourceHash} {
		*s = line(*s)
	}
	if !slices.Contains(issueTypes, r.IssueType) {
		return r, fmt.Errorf("%w: the issue type is %.40q: write %s", ErrRisk, r.IssueType, strings.Join(issueTypes, ", "))
	}
	if strings.Trim(r.IssueName, "*") == "" {
		return r, fmt.Errorf("%w: issue_name names none: write the CVE, the malware or the type of the secret", ErrRisk)
	}
	if r.RegistryName != "" && !strings.Contains(r.RegistryName, "*") {
		r.RegistryName = image.NormalRegistry(r.RegistryName)
	}
	if r.ImageName != "" && !strings.ContainsAny(r.ImageName, ":@*") {
		// Without tag it is the repository.
		if r.RepositoryName != "" && r.RepositoryName != r.ImageName {
			return r, fmt.Errorf("%w: image_name is %q and repository_name %q: name one", ErrRisk, r.ImageName, r.RepositoryName)
		}
		r.RepositoryName, r.ImageName = r.ImageName, ""
	}
	raw, err := json.Marshal([]string{
		r.IssueType, r.IssueName, r.RegistryName, r.RepositoryName, r.ImageName, r.ResourceName, r.ResourceVersion, r.ResourcePath, r.ResourceHash,
	})
	if err != nil {
		return r, err
	}
	sum := sha256.Sum256(raw)
	r.ID = hex.EncodeToString(sum[:8])
	return r, nil
}

// checked is r ready to be kept.
func (r Risk) checked(now time.Time) (Risk, error) {
	r, err := r.Normal()
	if err != nil {
		return r, err
	}
	r.Comment, r.Author = line(r.Comment), line(r.Author)
	switch {
	case r.Comment == "":
		return r, fmt.Errorf("%w: say in the comment why", ErrRisk)
	case r.Author == "":
		return r, fmt.Errorf("%w: it needs an author", ErrRisk)
	case r.ExpirationDays < 0 || r.ExpirationDays > 36500:
		return r, fmt.Errorf("%w: expiration_days is %d: write 1 or more, or 0 for never", ErrRisk, r.ExpirationDays)
	}
	if r.Date.IsZero() {
		r.Date = now.UTC()
	}
	if r.Expires.IsZero() && r.ExpirationDays > 0 {
		r.Expires = now.UTC().AddDate(0, 0, r.ExpirationDays).Truncate(time.Second)
	}
	if !r.Expires.IsZero() {
		if !r.Expires.After(now) {
			return r, fmt.Errorf("%w: it expired on %s", ErrRisk, r.Expires.UTC().Format(time.RFC3339))
		}
		r.Expires = r.Expires.UTC()
		r.ExpirationConfiguredAt, r.ExpirationConfiguredBy = now.UTC(), r.Author
		if r.ExpirationDays == 0 {
			r.ExpirationDays = int((r.Expires.Sub(now) + 24*time.Hour - 1) / (24 * time.Hour))
		}
	}
	r.Expired = false
	return r, nil
}

// expired tells whether r no longer counts.
func (r Risk) expired(now time.Time) bool { return !r.Expires.IsZero() && !now.Before(r.Expires) }

// Covers tells whether r is about the image, which is known by its tags and
// also by digests: its own, and those of the indexes that lead to it.
func (r Risk) Covers(img policies.Image, digests ...string) bool {
	if !matches(r.RegistryName, img.Registries()) || !matches(r.RepositoryName, img.Repositories()) {
		return false
	}
	if r.ImageName == "" {
		return true
	}
	names := img.Names()
	for _, repository := range img.Repositories() {
		for _, d := range digests {
			names = append(names, repository+"@"+d)
		}
	}
	return matches(r.ImageName, names)
}

func matches(pattern string, values []string) bool {
	return pattern == "" || slices.ContainsFunc(values, func(v string) bool { return scope.MatchPattern(pattern, v) })
}

// acknowledgement is r as policies read it.
func (r Risk) acknowledgement() policies.Acknowledgement {
	return policies.Acknowledgement{
		ID: r.ID, Type: r.IssueType, Name: r.IssueName,
		Package: r.ResourceName, Version: r.ResourceVersion, Path: r.ResourcePath, Hash: r.ResourceHash,
		Comment: r.Comment, Author: r.Author, Date: r.Date, Expires: r.Expires,
	}
}
