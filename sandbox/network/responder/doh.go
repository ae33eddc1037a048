package responder

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// doh is DNS over HTTPS: as messages (RFC 8484), and as JSON in the form that
// public resolvers gave it.
type doh struct {
	// resolve answers a message and notes the question; nil for what is none.
	resolve func(query []byte, c *Conversation) []byte
}

const (
	dnsMessage = "application/dns-message"
	dnsJSON    = "application/dns-json"
)

func (s doh) answer(r *request) *answer {
	if s.resolve == nil {
		return nil
	}
	query := r.URL.Query()
	switch {
	case r.Method == http.MethodPost && strings.EqualFold(r.Header.Get("Content-Type"), dnsMessage):
		return s.message(r, r.body)
	case r.Method == http.MethodGet && query.Get("dns") != "":
		text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(query.Get("dns"), "="))
		if err != nil {
			return nil
		}
		return s.message(r, text)
	case r.Method == http.MethodGet && query.Get("name") != "" && (strings.Contains(r.Header.Get("Accept"), dnsJSON) || r.URL.Path == "/resolve" || r.URL.Path == "/dns-query"):
		return s.json(r, query.Get("name"), query.Get("type"))
	}
	return nil
}

func (s doh) message(r *request, query []byte) *answer {
	out := s.resolve(query, r.to)
	if out == nil {
		return text(http.StatusBadRequest, "not a DNS query\n")
	}
	return &answer{status: http.StatusOK, kind: dnsMessage, body: out, app: "http"}
}

// dohRecord is one record of an answer in JSON.
type dohRecord struct {
	Name string `json:"name"`
	Type uint16 `json:"type"`
	TTL  uint32 `json:"TTL,omitempty"`
	Data string `json:"data,omitempty"`
}

func (s doh) json(r *request, name, kind string) *answer {
	number, ok := dns.StringToType[strings.ToUpper(kind)]
	if n, err := strconv.ParseUint(kind, 10, 16); err == nil {
		number, ok = uint16(n), true
	}
	if !ok {
		number = dns.TypeA
	}
	if _, ok := dns.IsDomainName(name); !ok {
		return jsonText(http.StatusBadRequest, `{"error":"Invalid name"}`)
	}
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), number)
	packed, err := q.Pack()
	if err != nil {
		return jsonText(http.StatusBadRequest, `{"error":"Invalid name"}`)
	}
	var a dns.Msg
	if out := s.resolve(packed, r.to); out == nil || a.Unpack(out) != nil {
		return jsonText(http.StatusBadRequest, `{"error":"Invalid query"}`)
	}
	document := struct {
		Status             int
		TC, RD, RA, AD, CD bool
		Question           []dohRecord
		Answer             []dohRecord `json:",omitempty"`
	}{Status: a.Rcode, RD: true, RA: true, Question: []dohRecord{{Name: q.Question[0].Name, Type: number}}}
	for _, rr := range a.Answer {
		h := rr.Header()
		document.Answer = append(document.Answer, dohRecord{h.Name, h.Rrtype, h.Ttl, strings.TrimPrefix(rr.String(), h.String())})
	}
	body, err := json.Marshal(document)
	if err != nil { // numbers and strings always marshal
		return notFound()
	}
	return &answer{status: http.StatusOK, kind: dnsJSON, body: body, app: "http"}
}
