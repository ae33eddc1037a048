package console

import (
	"net/http"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/policies"
)

// Decided is a decision as the audit log keeps it. Who is given the same answer
// within the hour is given its id, too: the log of requests names all of them.
type Decided struct {
	gate.Decision
	Client  string           `json:"client,omitempty"`  // who asked first: user, address or service account
	Request string           `json:"request,omitempty"` // what the front calls that request
	Context policies.Context `json:"context"`
}

// showDecision gives a decision of the audit log.
func (c *Console) showDecision(w http.ResponseWriter, r *http.Request) error {
	d, err := c.parts.Gate.Record(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, Decided{d.Decision, d.Client, d.Request, d.Context})
}
