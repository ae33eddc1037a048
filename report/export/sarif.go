package export

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/report"
)

// sarifLog is what we write of SARIF 2.1.0
// (docs.oasis-open.org/sarif/sarif/v2.1.0, the sections are those of the comments).
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct { // 3.14
	Tool              sarifTool         `json:"tool"`
	AutomationDetails map[string]string `json:"automationDetails"`
	Invocations       []sarifInvocation `json:"invocations"`
	Results           []sarifResult     `json:"results"`
	Properties        map[string]any    `json:"properties"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct { // 3.19
	Name           string      `json:"name"`
	Version        string      `json:"version,omitempty"`
	InformationURI string      `json:"informationUri"`
	Rules          []sarifRule `json:"rules"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct { // 3.49
	ID                   string            `json:"id"`
	Name                 string            `json:"name"`
	ShortDescription     sarifText         `json:"shortDescription"`
	FullDescription      sarifText         `json:"fullDescription"`
	Help                 *sarifText        `json:"help,omitempty"`
	DefaultConfiguration map[string]string `json:"defaultConfiguration"`
	Properties           map[string]any    `json:"properties"`
}

type sarifInvocation struct { // 3.20
	Successful    bool                `json:"executionSuccessful"`
	Start         string              `json:"startTimeUtc"`
	End           string              `json:"endTimeUtc"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct { // 3.58
	Level   string    `json:"level"`
	Message sarifText `json:"message"`
}

type sarifResult struct { // 3.27
	RuleID       string            `json:"ruleId"`
	RuleIndex    int               `json:"ruleIndex"`
	Level        string            `json:"level"`
	Message      sarifText         `json:"message"`
	Locations    []sarifLocation   `json:"locations"`
	Fingerprints map[string]string `json:"partialFingerprints"`
	Properties   map[string]any    `json:"properties"`
}

type sarifLocation struct { // 3.28
	Physical map[string]any      `json:"physicalLocation"`
	Logical  []map[string]string `json:"logicalLocations,omitempty"`
}

// SARIF writes r as a SARIF 2.1.0 log of one run: a rule for each behaviour, a
// result for each finding. A run that was inconclusive or skipped is an
// invocation that did not succeed, with the reason. The error is w's.
func SARIF(w io.Writer, r *report.Report) error {
	run := sarifRun{
		Tool:              sarifTool{sarifDriver{Name: cmp.Or(r.Tool.Name, "sallyport"), Version: r.Tool.Version, InformationURI: informationURI, Rules: []sarifRule{}}},
		AutomationDetails: map[string]string{"id": "sallyport/" + imageName(r) + "/" + r.ID},
		Invocations: []sarifInvocation{{
			Successful: r.Verdict != report.Inconclusive && r.Verdict != report.Skipped,
			Start:      timestamp(r.Run.Started), End: timestamp(r.Run.Finished),
		}},
		Results: []sarifResult{},
		Properties: map[string]any{
			"image": r.Image.Reference, "digest": r.Image.Digest, "platform": r.Image.Platform.String(), "verdict": r.Verdict, "severity": r.Severity, "score": r.Score,
			"ruleset": r.Tool.Ruleset, "coverage": r.Run.Coverage,
		},
	}
	if !run.Invocations[0].Successful {
		run.Invocations[0].Notifications = []sarifNotification{{"error", sarifText{string(r.Verdict) + ": " + cmp.Or(r.DTASkippedReason, r.Run.Reason, r.Summary, "no reason is known")}}}
	}
	indexes := map[string]int{}
	for _, f := range r.Findings {
		n, ok := indexes[f.Slug]
		if !ok {
			n = len(run.Tool.Driver.Rules)
			indexes[f.Slug] = n
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(f))
		}
		run.Results = append(run.Results, sarifResultOf(r, f, n))
	}
	return encode(w, sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func sarifRuleOf(f report.Finding) sarifRule {
	tags := []string{"security", string(f.Category)}
	for _, a := range f.Attack {
		tags = append(tags, "external/attack/"+strings.ToLower(a.ID))
	}
	rule := sarifRule{
		ID: f.Slug, Name: f.Slug, ShortDescription: sarifText{cmp.Or(f.Name, f.Slug)}, FullDescription: sarifText{cmp.Or(f.Description, f.Name, f.Slug)},
		DefaultConfiguration: map[string]string{"level": sarifLevel(f.Severity)},
		Properties:           map[string]any{"tags": tags, "security-severity": securitySeverity(f.Severity)},
	}
	if f.Remediation != "" {
		rule.Help = &sarifText{f.Remediation}
	}
	return rule
}

func sarifResultOf(r *report.Report, f report.Finding, rule int) sarifResult {
	message := report.Escape(f.Message)
	if f.Malicious {
		message = "malicious: " + message
	}
	var logical []map[string]string
	for _, e := range f.Evidence {
		at := map[string]string{"fullyQualifiedName": report.Escape(cmp.Or(e.Path, e.Exe)), "kind": "resource"}
		if at["fullyQualifiedName"] != "" && len(logical) < 10 && !slices.ContainsFunc(logical, func(m map[string]string) bool { return m["fullyQualifiedName"] == at["fullyQualifiedName"] }) {
			logical = append(logical, at)
		}
	}
	return sarifResult{
		RuleID: f.Slug, RuleIndex: rule, Level: sarifLevel(f.Severity), Message: sarifText{message},
		// There is no source file; code scanning wants a path, and a line in it.
		Locations: []sarifLocation{{
			Physical: map[string]any{
				"artifactLocation": map[string]string{"uri": artifactURI(imageName(r))}, "region": map[string]int{"startLine": 1},
			},
			Logical: logical,
		}},
		// Equal for the same behaviour of the same image name, whatever its digest.
		Fingerprints: map[string]string{"behaviour/v1": digest.FromString(imageName(r) + "\n" + f.Slug).Encoded()},
		Properties: map[string]any{
			"malicious": f.Malicious, "severity": f.Severity, "confidence": f.Confidence, "category": f.Category, "count": f.Count, "first_seen_ms": f.FirstSeenMS,
			"attack": f.Attack, "evidence": f.Evidence,
		},
	}
}

// artifactURI is the image's name as a relative URI reference (RFC 3986 §4.1).
func artifactURI(reference string) string {
	var b strings.Builder
	for i := range len(reference) {
		switch c := reference[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/@", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// sarifLevel: error, warning or note (3.27.10).
func sarifLevel(s report.Severity) string {
	switch s {
	case report.Critical, report.High:
		return "error"
	case report.Medium:
		return "warning"
	}
	return "note"
}

// securitySeverity is the middle of the range that code scanning shows by the same word.
func securitySeverity(s report.Severity) string {
	switch s {
	case report.Critical:
		return "9.5"
	case report.High:
		return "8.0"
	case report.Medium:
		return "5.5"
	case report.Low:
		return "2.0"
	}
	return "0.0"
}

const informationURI = "https://github.com/sallyport-dev/sallyport"

func encode(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
