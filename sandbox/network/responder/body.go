package responder

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/url"
	"strings"
)

// bodyValue is a value of a form or of a JSON object; "" when it has none.
func bodyValue(contentType string, body []byte, name string) string {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	switch {
	case kind == "application/x-www-form-urlencoded":
		for pair := range strings.SplitSeq(string(body), "&") {
			k, v, _ := strings.Cut(pair, "=")
			if k != name {
				continue
			}
			if plain, err := url.QueryUnescape(v); err == nil {
				return plain
			}
			return v
		}
	case strings.HasSuffix(kind, "json"):
		var object map[string]any
		if json.Unmarshal(body, &object) != nil {
			return ""
		}
		if v, ok := object[name]; ok && v != nil {
			return fmt.Sprint(v)
		}
	}
	return ""
}
