package responder

import (
	"encoding/json"
	"net/http"
	"slices"
)

// getwork is mining by HTTP: Ethereum's eth_getWork and eth_submitWork, Bitcoin's
// getwork and getblocktemplate, and those of Monero's nodes. JSON-RPC.
type getwork struct{ pool Stratum }

var getworkMethods = []string{"eth_getWork", "eth_submitWork", "eth_submitHashrate", "getwork", "getblocktemplate", "get_block_template", "submitblock", "submit_block"}

func (s getwork) answer(r *request) *answer {
	if r.Method != http.MethodPost || len(r.body) == 0 {
		return nil
	}
	var m stratumMessage
	if json.Unmarshal(r.body, &m) != nil || !slices.Contains(getworkMethods, m.Method) {
		return nil
	}
	a := jsonText(http.StatusOK, s.pool.answer(m, &session{}))
	a.app, a.message = s.pool.App(), &message{kind: m.Method, fields: m.fields()}
	return a
}
