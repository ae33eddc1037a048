package upstream

import (
	"net/url"
	"strconv"
	"strings"
)

// contentRange reads "bytes 5-9/10"; total is -1 for "*" (RFC 9110 §14.4).
func contentRange(s string) (start, total int64, ok bool) {
	s, found := strings.CutPrefix(s, "bytes ")
	span, size, slash := strings.Cut(s, "/")
	first, last, dash := strings.Cut(span, "-")
	if !found || !slash || !dash {
		return 0, 0, false
	}
	start, err := strconv.ParseInt(first, 10, 64)
	if err != nil || start < 0 {
		return 0, 0, false
	}
	end, err := strconv.ParseInt(last, 10, 64)
	if err != nil || end < start {
		return 0, 0, false
	}
	if size == "*" {
		return start, -1, true
	}
	total, err = strconv.ParseInt(size, 10, 64)
	if err != nil || total <= end {
		return 0, 0, false
	}
	return start, total, true
}

// nextPage reads the query of the page that a Link header calls rel="next"
// (RFC 8288, as the distribution specification uses it); nil without one. Only
// the query is taken: where it points is ours to say.
func nextPage(link string) url.Values {
	for part := range strings.SplitSeq(link, ",") {
		target, params, ok := strings.Cut(strings.TrimSpace(part), ">")
		if !ok || !strings.HasPrefix(target, "<") {
			continue
		}
		params = strings.ReplaceAll(strings.ToLower(params), " ", "")
		if !strings.Contains(params, `rel="next"`) && !strings.Contains(params, "rel=next") {
			continue
		}
		u, err := url.Parse(target[1:])
		if err != nil || len(u.RawQuery) > 4096 {
			return nil
		}
		if q := u.Query(); len(q) > 0 {
			return q
		}
	}
	return nil
}
