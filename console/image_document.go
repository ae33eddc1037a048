package console

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/inspect"
	"github.com/sallyport-dev/sallyport/label"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/verdict"
)

// Image is an image as the API shows it: the fields of Aqua's image record
// that have a meaning here, and ours below "sallyport".
type Image struct {
	Registry   string    `json:"registry"`
	Repository string    `json:"repository"`
	Tag        string    `json:"tag,omitempty"`
	Name       string    `json:"name"` // repository:tag
	Digest     string    `json:"digest"`
	Labels     []string  `json:"labels"` // that count for it, also of its repository and registry
	Created    time.Time `json:"created,omitzero"`
	Author     string    `json:"author,omitempty"`
	Size       int64     `json:"size,omitempty"` // bytes, compressed
	OS         string    `json:"os,omitempty"`

	ScanStatus string    `json:"scan_status"` // pending, in_progress, finished, failed
	ScanDate   time.Time `json:"scan_date,omitzero"`
	ScanError  string    `json:"scan_error,omitempty"`

	Disallowed        bool   `json:"disallowed"`
	Whitelisted       bool   `json:"whitelisted"`
	Blacklisted       bool   `json:"blacklisted"`
	Permission        string `json:"permission,omitempty"` // allow or block
	PermissionAuthor  string `json:"permission_author,omitempty"`
	PermissionComment string `json:"permission_comment,omitempty"`

	DTASeverity      string `json:"dta_severity_score"`
	DTASkipped       bool   `json:"dta_skipped"`
	DTASkippedReason string `json:"dta_skipped_reason,omitempty"`

	Assurance Assurance `json:"assurance_results"`

	Seen      time.Time `json:"sallyport_first_seen,omitzero"`
	Sallyport Details   `json:"sallyport"`
}

// Assurance is what the policies say of all platforms together.
type Assurance struct {
	Disallowed bool               `json:"disallowed"` // as the gate answers: a permission outweighs policies
	Audit      bool               `json:"audit_required"`
	Block      bool               `json:"block_required"` // some failing policy blocks
	FailCICD   bool               `json:"fail_cicd"`
	Failures   []policies.Failure `json:"policy_failures"`
	Checks     []policies.Check   `json:"checks_performed"`

	// Ours.
	DecisionID   string                     `json:"decision_id,omitempty"`
	Generation   string                     `json:"generation,omitempty"` // of the policies
	Messages     []string                   `json:"messages"`             // in words, the decision first
	Acknowledged []policies.Acknowledgement `json:"acknowledged,omitempty"`
}

// decided begins the document with the decision about all platforms.
func (a *Assurance) decided(d gate.Decision) {
	a.Disallowed, a.DecisionID, a.Generation = d.Action == gate.Deny, d.ID, d.Generation
	a.Messages = append([]string{d.Message}, d.Warnings...)
	for _, j := range d.Judged { // nothing follows from what somebody's word overrides
		r := j.Result
		a.Audit, a.Block, a.FailCICD = a.Audit || r.Audit, a.Block || r.Disallowed, a.FailCICD || r.FailCICD
	}
}

// add adds what the policies say of one platform.
func (a *Assurance) add(r policies.Result) {
	a.Checks = append(a.Checks, r.Checks...)
	for _, k := range r.Acknowledged {
		if !slices.Contains(a.Acknowledged, k) {
			a.Acknowledged = append(a.Acknowledged, k)
		}
	}
	for _, f := range r.Failures {
		i := slices.IndexFunc(a.Failures, func(have policies.Failure) bool { return have.PolicyName == f.PolicyName })
		if i < 0 {
			f.Controls = slices.Clone(f.Controls)
			a.Failures = append(a.Failures, f)
			continue
		}
		for _, control := range f.Controls {
			if !slices.Contains(a.Failures[i].Controls, control) {
				a.Failures[i].Controls = append(a.Failures[i].Controls, control)
			}
		}
	}
}

// Details are what Aqua's record has no field for.
type Details struct {
	Image     string      `json:"image"` // the whole reference
	Action    gate.Action `json:"action,omitempty"`
	Message   string      `json:"message"`
	State     string      `json:"state,omitempty"` // of what it waits for
	Warnings  []string    `json:"warnings,omitempty"`
	Platforms []Platform  `json:"platforms"`

	PermissionExpires time.Time   `json:"permission_expires,omitzero"`
	Acknowledged      []gate.Risk `json:"acknowledged,omitempty"` // risks that are, or were, accepted for it
}

// Platform is one platform's image.
type Platform struct {
	Digest   string           `json:"digest"`
	Platform string           `json:"platform"`
	DTA      bool             `json:"dta"` // some policy wants it analysed
	Analysis string           `json:"analysis,omitempty"`
	Verdict  *verdict.Verdict `json:"verdict,omitempty"`
	Facts    *Facts           `json:"facts,omitempty"` // where one image is shown
}

// describe gathers what is known of ref, which has a digest, and what the gate
// would say to somebody who pulls it now. Looking leaves no trace.
func (c *Console) describe(ctx context.Context, ref image.Reference) (Image, error) {
	d, err := c.parts.Gate.Decide(ctx, gate.Request{Reference: ref, Context: policies.Context{Kind: "pull"}, DryRun: true})
	if err != nil {
		return Image{}, err
	}
	doc := blank(ref)
	doc.Labels, err = c.parts.Labels.For(ctx, ref, ref.Tag, ref.Digest.String())
	if err != nil {
		return Image{}, err
	}
	if doc.Labels == nil {
		doc.Labels = []string{}
	}
	doc.Disallowed = d.Action == gate.Deny
	doc.Assurance.decided(d)
	doc.Sallyport.Action, doc.Sallyport.Message = d.Action, d.Message
	doc.Sallyport.State, doc.Sallyport.Warnings = d.State, d.Warnings
	if err := c.permission(ctx, &doc, ref); err != nil {
		return Image{}, err
	}
	judged, err := c.judged(ctx, ref, d)
	if err != nil {
		return Image{}, err
	}
	if err := c.risks(ctx, &doc, ref, judged); err != nil {
		return Image{}, err
	}
	for _, j := range judged {
		if err := c.platform(ctx, &doc, j); err != nil {
			return Image{}, err
		}
	}
	facts, err := c.parts.Inspector.Facts(ctx, first(ref, judged))
	if err != nil {
		return Image{}, err
	}
	if f := facts.Config; facts.Kind == inspect.Image && f != nil {
		doc.Created, doc.Author, doc.Size, doc.OS = f.Created, f.Author, f.Size, f.Platform.OS
	}
	return doc, nil
}

// judged is what the policies say of the images that d is about, also where
// somebody's word decided.
func (c *Console) judged(ctx context.Context, ref image.Reference, d gate.Decision) ([]gate.Judged, error) {
	if d.Permission == "" {
		return d.Judged, nil
	}
	d, err := c.parts.Gate.Decide(ctx, gate.Request{Reference: ref, Context: policies.Context{Kind: "pull"}, DryRun: true, PoliciesOnly: true})
	return d.Judged, err
}

// platform adds one platform's image to the whole.
func (c *Console) platform(ctx context.Context, doc *Image, j gate.Judged) error {
	p := Platform{Digest: j.Digest, Platform: j.Platform.String(), DTA: j.Result.NeedsDTA, Verdict: j.Verdict}
	doc.Assurance.add(j.Result)
	if v := j.Verdict; v != nil {
		if v.Severity.Rank() > report.Severity(doc.DTASeverity).Rank() {
			doc.DTASeverity = string(v.Severity)
		}
		if v.Conclusion == report.Skipped {
			doc.DTASkipped, doc.DTASkippedReason = true, v.Reason
		}
		if v.Time.After(doc.ScanDate) {
			doc.ScanDate = v.Time
		}
	}
	if p.DTA || j.Verdict != nil {
		state, err := c.progress(ctx, j)
		if err != nil {
			return err
		}
		p.Analysis = state.String()
		doc.ScanStatus = worse(doc.ScanStatus, state)
	}
	doc.Sallyport.Platforms = append(doc.Sallyport.Platforms, p)
	return nil
}

// progress is how far the analysis of j is. The queue forgets what is done; the
// verdict tells.
func (c *Console) progress(ctx context.Context, j gate.Judged) (analysis.State, error) {
	state, err := c.parts.Queue.State(ctx, digestOf(j))
	if state.Phase == analysis.None && j.Verdict != nil {
		state.Phase = analysis.Done
	}
	return state, err
}

// worse is the less finished of a status and that of an analysis.
func worse(status string, s analysis.State) string {
	switch s.Phase {
	case analysis.Pulling, analysis.Unpacking, analysis.Running, analysis.Judging:
		return "in_progress"
	case analysis.Queued:
		if status != "in_progress" {
			return "pending"
		}
	}
	return status
}

// permission adds what a person said about the image.
func (c *Console) permission(ctx context.Context, doc *Image, ref image.Reference) error {
	list, err := c.parts.Permissions.List(ctx)
	if err != nil {
		return err
	}
	for _, p := range list {
		if p.Target != label.Tag(ref) && p.Target != label.Image(ref) || !p.Expires.IsZero() && !c.cfg.Now().Before(p.Expires) {
			continue
		}
		doc.Whitelisted, doc.Blacklisted = p.Action == gate.Allow, p.Action == gate.Deny
		doc.PermissionAuthor, doc.PermissionComment, doc.Sallyport.PermissionExpires = p.Author, p.Comment, p.Expires
		doc.Permission = map[gate.Action]string{gate.Allow: "allow", gate.Deny: "block"}[p.Action]
		if doc.Blacklisted {
			break
		}
	}
	return nil
}

// risks adds what people acknowledged for the image.
func (c *Console) risks(ctx context.Context, doc *Image, ref image.Reference, judged []gate.Judged) error {
	list, err := c.parts.Risks.List(ctx)
	if err != nil {
		return err
	}
	img := policies.Image{Registry: ref.Registry, Repository: ref.Repository, Digest: ref.Digest.String()}
	if ref.Tag != "" {
		img.Tags = []string{ref.Tag}
	}
	digests := []string{ref.Digest.String()}
	for _, j := range judged {
		digests = append(digests, j.Digest)
	}
	for _, r := range list {
		if r.Covers(img, digests...) {
			doc.Sallyport.Acknowledged = append(doc.Sallyport.Acknowledged, r)
		}
	}
	return nil
}

func blank(ref image.Reference) Image {
	return Image{
		Registry: ref.Registry, Repository: ref.Repository, Tag: ref.Tag, Name: ref.ScopeName(), Digest: ref.Digest.String(),
		Labels: []string{}, ScanStatus: "finished", Assurance: Assurance{Failures: []policies.Failure{}, Checks: []policies.Check{}, Messages: []string{}},
		Sallyport: Details{Image: ref.String(), Platforms: []Platform{}},
	}
}

// unjudged is an image that cannot be judged at the moment.
func unjudged(ref image.Reference, err error) Image {
	doc := blank(ref)
	doc.ScanStatus, doc.ScanError = "failed", err.Error()
	doc.Sallyport.Message = err.Error()
	if errors.Is(err, context.Canceled) {
		doc.Sallyport.Message = "not judged: the request ended"
	}
	return doc
}

// first is the image whose facts stand for all platforms: the first judged.
func first(ref image.Reference, judged []gate.Judged) image.Reference {
	if len(judged) == 0 {
		return ref
	}
	return ref.WithDigest(digestOf(judged[0]))
}
