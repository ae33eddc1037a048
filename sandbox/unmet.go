package sandbox

import (
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// maxUnmet bounds how many addresses are listed.
const maxUnmet = 100

// unmet lists where programs and scripts were wanted that we answered with
// markers, and archives that we did not have: what they would have done is not
// known.
func unmet(requests []observation.HTTP) []string {
	var list []string
	for _, h := range requests {
		if h.Inbound || h.Payload == "" && !lacking(h) {
			continue
		}
		if u := address(h); len(list) < maxUnmet && !slices.Contains(list, u) {
			list = append(list, u)
		}
	}
	return list
}

// lacking tells a request for a container of files that was not there.
func lacking(h observation.HTTP) bool {
	name, _, _ := strings.Cut(h.Path, "?")
	return h.Method == http.MethodGet && h.Status == http.StatusNotFound && slices.Contains([]string{
		".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip", ".tar", ".deb", ".rpm", ".apk", ".whl", ".jar", ".7z",
	}, strings.ToLower(path.Ext(name)))
}

// address is a request's URL, without the port that its scheme has anyway.
func address(h observation.HTTP) string {
	scheme, usual := "http", uint16(80)
	if h.TLS {
		scheme, usual = "https", 443
	}
	host := h.Host
	switch {
	case h.Port != usual:
		host = net.JoinHostPort(h.Host, strconv.Itoa(int(h.Port)))
	case strings.Contains(h.Host, ":"):
		host = "[" + h.Host + "]"
	}
	return scheme + "://" + host + h.Path
}
