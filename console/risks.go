package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-dev/sallyport/gate"
)

// RisksRequest is the body of requests that acknowledge risks or take that back.
type RisksRequest struct {
	Comment string  `json:"comment,omitempty"` // of all that have none
	Issues  []Issue `json:"issues"`
}

// Issue is one risk in a request.
type Issue struct {
	gate.Risk
	Target string `json:"sallyport_target,omitempty"` // ours: an image, a repository or a registry as people write it, instead of the names
	Kind   string `json:"sallyport_kind,omitempty"`   // which of them, where the text does not tell
}

// RisksAnswer is what was acknowledged.
type RisksAnswer struct {
	Issues []gate.Risk `json:"issues"`
}

// maxIssues is how many risks one request may name.
const maxIssues = 1000

func (c *Console) readRisks(r *http.Request) ([]gate.Risk, error) {
	var req RisksRequest
	if err := decodeLoose(r, &req); err != nil {
		return nil, err
	}
	if n := len(req.Issues); n == 0 || n > maxIssues {
		return nil, problem(http.StatusBadRequest, "issues names %d risks: name 1 to %d", n, maxIssues)
	}
	risks := make([]gate.Risk, len(req.Issues))
	for i, issue := range req.Issues {
		risk := issue.Risk
		if risk.Comment == "" {
			risk.Comment = req.Comment
		}
		if strings.EqualFold(risk.RegistryName, "Docker Hub") {
			risk.RegistryName = registryName(risk.RegistryName)
		}
		if issue.Target != "" {
			t, err := c.target(issue.Target, issue.Kind)
			if err != nil {
				return nil, err
			}
			risk.RegistryName, risk.RepositoryName, risk.ImageName = t.Registry, t.Repository, ""
			if t.Which != "" {
				between := ":"
				if strings.Contains(t.Which, ":") {
					between = "@"
				}
				risk.RepositoryName, risk.ImageName = "", t.Repository+between+t.Which
			}
		}
		risks[i] = risk
	}
	return risks, nil
}

// acknowledgeRisks takes risks out of what policies count.
func (c *Console) acknowledgeRisks(w http.ResponseWriter, r *http.Request) error {
	risks, err := c.readRisks(r)
	if err != nil {
		return err
	}
	for i := range risks {
		// Whoever asks is the author, and now is when.
		risks[i].Author, risks[i].Date = caller(r.Context()).Name, c.cfg.Now().UTC()
	}
	kept, err := c.parts.Risks.Acknowledge(r.Context(), risks...)
	if err != nil {
		return err
	}
	for _, k := range kept {
		c.cfg.Logger.InfoContext(r.Context(), "risk acknowledged", "risk", k.ID, "type", k.IssueType, "issue", k.IssueName,
			"registry", k.RegistryName, "repository", k.RepositoryName, "image", k.ImageName, "expires", k.Expires, "token", k.Author, "comment", k.Comment)
	}
	return reply(w, http.StatusCreated, RisksAnswer{kept})
}

// revokeRisks makes risks count again: by id, or by what was acknowledged.
func (c *Console) revokeRisks(w http.ResponseWriter, r *http.Request) error {
	risks, err := c.readRisks(r)
	if err != nil {
		return err
	}
	for _, risk := range risks {
		if risk.ID == "" {
			if risk, err = risk.Normal(); err != nil {
				return err
			}
		}
		if err := c.parts.Risks.Revoke(r.Context(), risk.ID); err != nil {
			return err
		}
		c.cfg.Logger.InfoContext(r.Context(), "risk revoked", "risk", risk.ID, "issue", risk.IssueName, "token", caller(r.Context()).Name)
	}
	return noContent(w)
}

// listRisks lists acknowledged risks. Query: issue_type, issue_name,
// registry_name, repository_name, image_name, resource_name, author (each
// exact), expired (true or false), order_by (date or -date), page, pagesize.
func (c *Console) listRisks(w http.ResponseWriter, r *http.Request) error {
	all, err := c.parts.Risks.List(r.Context())
	if err != nil {
		return err
	}
	q := r.URL.Query()
	some := slices.DeleteFunc(all, func(k gate.Risk) bool {
		for name, value := range map[string]string{
			"issue_type": k.IssueType, "issue_name": k.IssueName, "registry_name": k.RegistryName, "repository_name": k.RepositoryName,
			"image_name": k.ImageName, "resource_name": k.ResourceName, "author": k.Author, "expired": strconv.FormatBool(k.Expired),
		} {
			if want := q.Get(name); want != "" && want != value {
				return true
			}
		}
		return false
	})
	if q.Get("order_by") == "-date" {
		slices.Reverse(some)
	}
	page, err := cutPage(r, some)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, page)
}
