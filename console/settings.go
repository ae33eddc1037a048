package console

import (
	"net/http"

	"github.com/sallyport-dev/sallyport/analysis"
)

// DTASettings are the settings of dynamic threat analysis as people see them.
// The token goes in and never comes out.
type DTASettings struct {
	Enabled  bool           `json:"enabled"`
	Endpoint string         `json:"endpoint"` // URL of a sandbox service; empty: the one on this machine
	TokenSet bool           `json:"token_set"`
	Usage    analysis.Usage `json:"usage"`
}

// DTAChange is a change of the settings: what is left out stays as it is. With
// another endpoint the token is to be given again.
type DTAChange struct {
	Enabled  *bool   `json:"enabled,omitempty"`
	Endpoint *string `json:"endpoint,omitempty"`
	Token    *string `json:"token,omitempty"`
}

// LicenseAnswer is what a sandbox service says about a token.
type LicenseAnswer struct {
	Endpoint string           `json:"endpoint"` // empty: the one on this machine
	License  analysis.License `json:"license"`
}

// showSettings shows the settings in force, and the runs of this month.
func (c *Console) showSettings(w http.ResponseWriter, r *http.Request) error {
	set, err := c.parts.Settings.Get(r.Context())
	if err != nil {
		return err
	}
	usage, err := c.parts.Queue.Usage(r.Context())
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, DTASettings{Enabled: set.Enabled, Endpoint: set.Endpoint, TokenSet: set.Token != "", Usage: usage})
}

// checkLicense asks the endpoint about the token, of the request or of the
// settings in force, and changes nothing.
func (c *Console) checkLicense(w http.ResponseWriter, r *http.Request) error {
	set, err := c.wanted(r)
	if err != nil {
		return err
	}
	license, err := c.parts.Settings.Check(r.Context(), set)
	if err != nil {
		return problem(http.StatusUnprocessableEntity, "%w", err)
	}
	return reply(w, http.StatusOK, LicenseAnswer{set.Endpoint, license})
}

// saveSettings puts settings in force, if the endpoint takes the token.
func (c *Console) saveSettings(w http.ResponseWriter, r *http.Request) error {
	set, err := c.wanted(r)
	if err != nil {
		return err
	}
	license, err := c.parts.Settings.Save(r.Context(), set)
	if err != nil {
		return problem(http.StatusUnprocessableEntity, "the settings are not saved, the old ones stay in force: %w", err)
	}
	return reply(w, http.StatusOK, LicenseAnswer{set.Endpoint, license})
}

// wanted is the settings in force with what the request changes of them.
func (c *Console) wanted(r *http.Request) (analysis.Settings, error) {
	var req DTAChange
	if err := decode(r, &req); err != nil {
		return analysis.Settings{}, err
	}
	set, err := c.parts.Settings.Get(r.Context())
	if err != nil {
		return analysis.Settings{}, err
	}
	if req.Enabled != nil {
		set.Enabled = *req.Enabled
	}
	if req.Endpoint != nil && *req.Endpoint != set.Endpoint {
		// The old token was meant for the old endpoint: never show it to another.
		set.Endpoint, set.Token = *req.Endpoint, ""
	}
	if req.Token != nil {
		set.Token = *req.Token
	}
	return set, nil
}
