package responder

import (
	"net/http"
	"strings"
)

// drops is public places where anybody can leave a few words, among them the
// address of whoever gives orders: pages of pastes, profiles, and the books of
// block chains.
type drops struct{}

// DropAddress is what stands there: one for documentation (RFC 5737), at which
// a server answers.
const DropAddress = "203.0.113.200"

var (
	pasteHosts    = []string{"pastebin.com", "paste.ee", "rentry.co", "hastebin.com", "ix.io", "dpaste.com", "gist.githubusercontent.com", "ghostbin.com", "controlc.com", "pastes.io"}
	profileHosts  = []string{"t.me", "steamcommunity.com", "mastodon.social", "telegra.ph"}
	explorerHosts = []string{"dogechain.info", "blockcypher.com", "blockchain.info", "blockchain.com", "blockchair.com", "sochain.com", "etherscan.io", "bscscan.com", "solscan.io", "blockstream.info"}
)

// isPiped tells whether what is fetched is rather run than read: by tools whose
// output goes into a shell, which get a marker.
func isPiped(r *request) bool {
	agent := strings.ToLower(r.UserAgent())
	return strings.HasPrefix(agent, "curl/") || strings.HasPrefix(agent, "wget")
}

func (drops) answer(r *request) *answer {
	if r.Method != http.MethodGet {
		return nil
	}
	var a *answer
	switch {
	case below(r.host, pasteHosts) && !isPiped(r) && !isProgram(strings.ToLower(r.URL.Path)) && !isScript(strings.ToLower(r.URL.Path)):
		a = text(http.StatusOK, DropAddress+":8080\n")
	case below(r.host, profileHosts):
		a = &answer{status: http.StatusOK, kind: "text/html; charset=utf-8", body: []byte(
			"<!DOCTYPE html>\n<html><head><meta property=\"og:title\" content=\"" + DropAddress + ":8080\">" +
				"<meta property=\"og:description\" content=\"" + DropAddress + ":8080\"></head><body>" + DropAddress + ":8080</body></html>\n")}
	case below(r.host, explorerHosts):
		a = jsonText(http.StatusOK, `{"success":1,"received":"3405803976","sent":"3405803976","balance":"0.00000000","final_balance":0,"n_tx":2,`+
			`"txs":[{"hash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","value":51916,"op_return":"`+DropAddress+`"}]}`)
	default:
		return nil
	}
	a.app = "drop"
	return a
}
