package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/sallyport-dev/sallyport/console"
	"github.com/sallyport-dev/sallyport/console/token"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/library"
)

// Labels returns the labels on a target. kind is image, repository, registry,
// or empty when the text tells.
func (c *Client) Labels(ctx context.Context, target, kind string) (a console.LabelsAnswer, err error) {
	return a, c.call(ctx, http.MethodGet, "/api/v1/labels", labelQuery(target, kind), nil, &a)
}

// AddLabels attaches labels to a target.
func (c *Client) AddLabels(ctx context.Context, target, kind string, labels []string) (a console.LabelsAnswer, err error) {
	return a, c.call(ctx, http.MethodPost, "/api/v1/labels", nil, console.LabelsRequest{Target: target, Kind: kind, Labels: labels}, &a)
}

// RemoveLabels takes labels off a target.
func (c *Client) RemoveLabels(ctx context.Context, target, kind string, labels []string) (a console.LabelsAnswer, err error) {
	q := labelQuery(target, kind)
	q["label"] = labels
	return a, c.call(ctx, http.MethodDelete, "/api/v1/labels", q, nil, &a)
}

func labelQuery(target, kind string) url.Values {
	q := url.Values{"target": {target}}
	if kind != "" {
		q.Set("kind", kind)
	}
	return q
}

// Images lists all known images whose whole name contains part.
func (c *Client) Images(ctx context.Context, part string) ([]console.Image, error) {
	return pages[console.Image](ctx, c, "/api/v2/images", url.Values{"name": {part}})
}

// Image returns one image.
func (c *Client) Image(ctx context.Context, name string) (i console.Image, err error) {
	return i, c.call(ctx, http.MethodGet, "/api/v1/image", url.Values{"image": {name}}, nil, &i)
}

// Rescan has images analysed: what is missing, or everything when full.
func (c *Client) Rescan(ctx context.Context, full bool, names ...string) ([]console.Scan, error) {
	var a console.ScansAnswer
	err := c.call(ctx, http.MethodPost, "/api/v1/images/rescan", nil, console.ImagesRequest{FullRescan: full, Images: named(names)}, &a)
	return a.Images, err
}

// Permit allows or blocks images whatever the policies say; a zero expires is never.
func (c *Client) Permit(ctx context.Context, action gate.Action, comment string, expires time.Time, names ...string) error {
	path := "/api/v1/images/allow"
	if action == gate.Deny {
		path = "/api/v1/images/disallow"
	}
	return c.call(ctx, http.MethodPost, path, nil, console.ImagesRequest{Comment: comment, Expires: expires, Images: named(names)}, nil)
}

// RemovePermission takes back what Permit said of an image.
func (c *Client) RemovePermission(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, "/api/v1/permissions", url.Values{"image": {name}}, nil, nil)
}

func named(names []string) []console.ImageName {
	list := make([]console.ImageName, len(names))
	for i, n := range names {
		list[i].Image = n
	}
	return list
}

// Report returns the report about an image as the sandbox wrote it; platform
// (os/architecture) chooses one of several, empty is the one with the worst verdict.
func (c *Client) Report(ctx context.Context, name, platform string) ([]byte, error) {
	q := url.Values{"image": {name}}
	if platform != "" {
		q.Set("platform", platform)
	}
	return c.send(ctx, http.MethodGet, "/api/v1/reports", q, nil)
}

// Events returns the events behind the report that Report gives: lines of JSON, compressed with gzip.
func (c *Client) Events(ctx context.Context, name, platform string) ([]byte, error) {
	q := url.Values{"image": {name}}
	if platform != "" {
		q.Set("platform", platform)
	}
	return c.send(ctx, http.MethodGet, "/api/v1/reports/events", q, nil)
}

// Decision returns a decision of the audit log.
func (c *Client) Decision(ctx context.Context, id string) (d console.Decided, err error) {
	return d, c.call(ctx, http.MethodGet, "/api/v1/decisions/"+url.PathEscape(id), nil, nil, &d)
}

const riskPath = "/api/v2/risks/acknowledge"

// Risks lists acknowledged risks, expired ones too, oldest first.
func (c *Client) Risks(ctx context.Context) ([]gate.Risk, error) {
	return pages[gate.Risk](ctx, c, riskPath, url.Values{})
}

// AcknowledgeRisks takes risks out of what policies count, and returns them as they are kept.
func (c *Client) AcknowledgeRisks(ctx context.Context, comment string, issues ...console.Issue) ([]gate.Risk, error) {
	var answer console.RisksAnswer
	err := c.call(ctx, http.MethodPost, riskPath, nil, console.RisksRequest{Comment: comment, Issues: issues}, &answer)
	return answer.Issues, err
}

// RevokeRisk makes the risk with the id count again.
func (c *Client) RevokeRisk(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, riskPath, nil, console.RisksRequest{Issues: []console.Issue{{Risk: gate.Risk{ID: id}}}}, nil)
}

const policyPath = "/api/v2/assurance_policy/image"

// Policies lists all policies, and where they come from.
func (c *Client) Policies(ctx context.Context) ([]console.Policy, error) {
	return pages[console.Policy](ctx, c, policyPath, url.Values{})
}

// PolicySources lists the folder and the bundles that policies come from.
func (c *Client) PolicySources(ctx context.Context) ([]library.Source, error) {
	return pages[library.Source](ctx, c, "/api/v1/policies/sources", url.Values{})
}

// Policy returns one policy.
func (c *Client) Policy(ctx context.Context, name string) (d policies.Document, err error) {
	return d, c.call(ctx, http.MethodGet, policyPath+"/"+url.PathEscape(name), nil, nil, &d)
}

// ApplyPolicy creates a policy, or replaces the one of its name; created tells which.
func (c *Client) ApplyPolicy(ctx context.Context, d policies.Document) (created bool, err error) {
	err = c.call(ctx, http.MethodPut, policyPath+"/"+url.PathEscape(d.Name), nil, d, nil)
	if NotFound(err) {
		return true, c.call(ctx, http.MethodPost, policyPath, nil, d, nil)
	}
	return false, err
}

// DeletePolicy takes a policy away.
func (c *Client) DeletePolicy(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, policyPath+"/"+url.PathEscape(name), nil, nil, nil)
}

// Facts returns what the policies would read of an image, for each platform.
func (c *Client) Facts(ctx context.Context, name string, where policies.Context) (a console.FactsAnswer, err error) {
	q := url.Values{"image": {name}}
	for key, v := range map[string]string{"kind": where.Kind, "cluster": where.Cluster, "namespace": where.Namespace} {
		if v != "" {
			q.Set(key, v)
		}
	}
	return a, c.call(ctx, http.MethodGet, "/api/v1/facts", q, nil, &a)
}

// DTA returns the settings of dynamic threat analysis.
func (c *Client) DTA(ctx context.Context) (s console.DTASettings, err error) {
	return s, c.call(ctx, http.MethodGet, "/api/v1/settings/dta", nil, nil, &s)
}

// CheckDTA asks the endpoint about its token, with change on the settings in
// force, and changes nothing.
func (c *Client) CheckDTA(ctx context.Context, change console.DTAChange) (a console.LicenseAnswer, err error) {
	return a, c.call(ctx, http.MethodPost, "/api/v1/settings/dta/license", nil, change, &a)
}

// SaveDTA changes the settings.
func (c *Client) SaveDTA(ctx context.Context, change console.DTAChange) (a console.LicenseAnswer, err error) {
	return a, c.call(ctx, http.MethodPut, "/api/v1/settings/dta", nil, change, &a)
}

// Tokens lists all tokens.
func (c *Client) Tokens(ctx context.Context) ([]token.Token, error) {
	return pages[token.Token](ctx, c, "/api/v1/tokens", url.Values{})
}

// CreateToken makes a token.
func (c *Client) CreateToken(ctx context.Context, req console.TokenRequest) (t console.NewToken, err error) {
	return t, c.call(ctx, http.MethodPost, "/api/v1/tokens", nil, req, &t)
}

// RevokeToken ends the token with the id.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/api/v1/tokens/"+url.PathEscape(id), nil, nil, nil)
}

// pages reads a list to its end.
func pages[T any](ctx context.Context, c *Client, path string, q url.Values) ([]T, error) {
	q.Set("pagesize", "200")
	all := []T{}
	for n := 1; ; n++ {
		q.Set("page", strconv.Itoa(n))
		var p console.Page[T]
		if err := c.call(ctx, http.MethodGet, path, q, nil, &p); err != nil {
			return nil, err
		}
		all = append(all, p.Result...)
		if len(p.Result) == 0 || len(all) >= p.Count {
			return all, nil
		}
	}
}
