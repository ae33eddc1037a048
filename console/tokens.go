package console

import (
	"net/http"
	"time"

	"github.com/sallyport-dev/sallyport/console/token"
)

// TokenRequest asks for a token.
type TokenRequest struct {
	Name    string     `json:"name"`
	Role    token.Role `json:"role"`
	Expires time.Time  `json:"expires,omitzero"`
}

// NewToken is a token just made: the only time that its text is shown.
type NewToken struct {
	token.Token
	Text string `json:"token"`
}

func (c *Console) listTokens(w http.ResponseWriter, r *http.Request) error {
	all, err := c.parts.Tokens.List(r.Context())
	if err != nil {
		return err
	}
	some, err := cutPage(r, all)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, some)
}

func (c *Console) createToken(w http.ResponseWriter, r *http.Request) error {
	var req TokenRequest
	if err := decode(r, &req); err != nil {
		return err
	}
	made, text, err := c.parts.Tokens.Create(r.Context(), token.Token{
		Name: req.Name, Role: req.Role, Expires: req.Expires, Author: caller(r.Context()).Name,
	})
	if err != nil {
		return err
	}
	return reply(w, http.StatusCreated, NewToken{made, text})
}

func (c *Console) revokeToken(w http.ResponseWriter, r *http.Request) error {
	if err := c.parts.Tokens.Revoke(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	return noContent(w)
}
