package document

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Severity is a severity of the document format, lower case:
// "", negligible, low, medium, high, critical. Any case is read.
type Severity string

// UnmarshalJSON accepts any case and null.
func (s *Severity) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	*s = Severity(strings.ToLower(text))
	return nil
}

// PolicySettings is the newer place for the actions of a policy.
type PolicySettings struct {
	Enforce        bool   `json:"enforce"`
	Warn           bool   `json:"warn"`
	WarningMessage string `json:"warning_message"`
	IsAuditChecked bool   `json:"is_audit_checked"`
}

// AggregatedVulnerability fails an image by score range and severity together.
type AggregatedVulnerability struct {
	Enabled               bool      `json:"enabled"`
	ScoreRange            []float64 `json:"score_range"` // low, high
	CustomSeverityEnabled bool      `json:"custom_severity_enabled"`
	Severity              Severity  `json:"severity"`
}

// Package is a package that must not, or must, be in an image. Empty fields
// match anything.
type Package struct {
	Format       string `json:"format"` // deb, apk, rpm, …
	Name         string `json:"name"`
	Epoch        string `json:"epoch"`
	Version      string `json:"version"`
	VersionRange string `json:"version_range"` // e.g. ">=1.2,<2"
	Release      string `json:"release"`
	Arch         string `json:"arch"`
	License      string `json:"license"`
	Display      string `json:"display"`
}

// Label is a label of the image configuration. An empty Value matches any.
type Label struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// BaseImage is an image that may be built upon.
type BaseImage struct {
	Registry    string `json:"registry"`
	ImageName   string `json:"imagename"`
	ImageDigest string `json:"imagedigest"`
	ImageID     int    `json:"imageid"`
	Author      string `json:"author"`
	LastUpdated int64  `json:"lastupdated"`
}

// ImageRule decides about one image by name. Older clients send just the name.
type ImageRule struct {
	Registry    string   `json:"registry"`
	ImageName   string   `json:"imagename"`
	ImageDigest string   `json:"imagedigest"`
	ImageID     int      `json:"imageid"`
	Author      string   `json:"author"`
	LastUpdated int64    `json:"lastupdated"`
	Reason      []string `json:"reason"`
	Whitelisted bool     `json:"whitelisted"` // allowed whatever the controls say
	Blacklisted bool     `json:"blacklisted"` // denied whatever the controls say
}

// UnmarshalJSON accepts the object and the older string, which allows.
func (r *ImageRule) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte(`"`)) {
		*r = ImageRule{Whitelisted: true}
		return json.Unmarshal(b, &r.ImageName)
	}
	type plain ImageRule
	return json.Unmarshal(b, (*plain)(r))
}

// CustomCheck is an author's own check.
type CustomCheck struct {
	ScriptID     string   `json:"script_id"`
	Name         string   `json:"name"`
	Path         string   `json:"path"`
	Description  string   `json:"description"`
	Engine       string   `json:"engine"` // rego; others are skipped
	Snippet      string   `json:"snippet"`
	Severity     Severity `json:"severity"`
	Author       string   `json:"author"`
	LastModified int64    `json:"last_modified"`
	ReadOnly     bool     `json:"read_only"`
}

// AutoScanTime is when to scan again.
type AutoScanTime struct {
	IterationType string   `json:"iteration_type"` // once, day, week, …
	Time          string   `json:"time"`
	Iteration     int      `json:"iteration"`
	WeekDays      []string `json:"week_days"`
}
