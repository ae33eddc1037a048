package responder

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// etcd is an open key-value store of a cluster, in which nothing is: its API
// version 2, version 3 as JSON, and as much of gRPC as one request needs.
type etcd struct{}

var (
	etcdPorts = []uint16{2379, 2380, 4001}
	etcdV2    = regexp.MustCompile(`^/v2/(keys|members|stats|auth)(/|$)`)
	etcdV3    = regexp.MustCompile(`^/v3(?:alpha|beta)?/(kv|lease|auth|cluster|maintenance)/([a-z/]+)$`)
	etcdGRPC  = regexp.MustCompile(`^/etcdserverpb\.([A-Za-z]+)/([A-Za-z]+)$`)
)

func (etcd) answer(r *request) *answer {
	var a *answer
	p := r.URL.Path
	switch at := slices.Contains(etcdPorts, r.to.To.Port()); {
	case etcdGRPC.MatchString(p):
		a = etcdCall(r)
	case etcdV3.MatchString(p) && r.Method == http.MethodPost:
		a = etcdGateway(r)
	case at && etcdV2.MatchString(p):
		a = etcdKeys(r)
	case at && p == "/version":
		a = said(jsonText(http.StatusOK, `{"etcdserver":"3.5.9","etcdcluster":"3.5.0"}`), &message{kind: "version"})
	case at && p == "/health":
		a = said(jsonText(http.StatusOK, `{"health":"true"}`), &message{kind: "health"})
	default:
		return nil
	}
	a.app = "etcd"
	return a
}

// etcdKeys is version 2: a tree of keys as paths.
func etcdKeys(r *request) *answer {
	key, isKey := strings.CutPrefix(r.URL.Path, "/v2/keys")
	fields := map[string]string{}
	put(fields, "key", key)
	put(fields, "value", value(r, "value"))
	m := &message{kind: strings.ToLower(r.Method) + " " + strings.SplitN(strings.TrimPrefix(r.URL.Path, "/v2/"), "/", 2)[0], fields: fields}
	switch {
	case !isKey:
		return said(jsonText(http.StatusOK, `{"members":[{"id":"8e9e05c52164694d","name":"node-7","peerURLs":["http://10.0.0.7:2380"],"clientURLs":["http://10.0.0.7:2379"]}]}`), m)
	case r.Method == http.MethodGet && strings.Trim(key, "/") == "":
		return said(jsonText(http.StatusOK, `{"action":"get","node":{"dir":true,"nodes":[{"key":"/registry","dir":true}]}}`), m)
	case r.Method == http.MethodGet:
		return said(jsonText(http.StatusNotFound, `{"errorCode":100,"message":"Key not found","cause":`+asJSON(clip(key))+`,"index":7}`), m)
	case r.Method == http.MethodDelete:
		return said(jsonText(http.StatusOK, `{"action":"delete","node":{"key":`+asJSON(clip(key))+`,"modifiedIndex":8,"createdIndex":7}}`), m)
	}
	return said(jsonText(http.StatusCreated, `{"action":"set","node":{"key":`+asJSON(clip(key))+`,"value":`+asJSON(clip(value(r, "value")))+`,"modifiedIndex":8,"createdIndex":8}}`), m)
}

const etcdHead = `"header":{"cluster_id":"14841639068965178418","member_id":"10276657743932975437","revision":"8","raft_term":"2"}`

// etcdGateway is version 3 as JSON, in which keys and values are base64.
func etcdGateway(r *request) *answer {
	call := etcdV3.FindStringSubmatch(r.URL.Path)
	fields := map[string]string{}
	var body map[string]any
	_ = json.Unmarshal(r.body, &body) // a call without a body is one, too
	for _, name := range []string{"key", "range_end", "value", "name", "password"} {
		s, _ := body[name].(string)
		if plain, err := base64.StdEncoding.DecodeString(s); err == nil && name != "name" && name != "password" {
			s = string(plain)
		}
		put(fields, name, s)
	}
	answer := "{" + etcdHead + "}"
	if call[1] == "auth" && call[2] == "authenticate" {
		answer = "{" + etcdHead + `,"token":"sssvIpwfnLAcWAQH.9"}`
	}
	return said(jsonText(http.StatusOK, answer), &message{kind: call[1] + "/" + clip(call[2]), fields: fields})
}

// etcdCall is one call of gRPC, answered with an empty message. gRPC over
// HTTP2, "Responses"; of the request the first two fields are read, which in
// calls of KV are the key and the value or the end of a range.
func etcdCall(r *request) *answer {
	call := etcdGRPC.FindStringSubmatch(r.URL.Path)
	fields := map[string]string{}
	if len(r.body) > 5 && call[1] == "KV" {
		texts := protoTexts(r.body[5:])
		put(fields, "key", texts[1])
		if call[2] == "Put" {
			put(fields, "value", texts[2])
		} else {
			put(fields, "range_end", texts[2])
		}
	}
	return said(&answer{
		status: http.StatusOK, kind: "application/grpc", body: []byte{0, 0, 0, 0, 0}, trailer: map[string]string{"Grpc-Status": "0"},
	}, &message{kind: call[1] + "/" + call[2], fields: fields})
}

// protoTexts is the fields of a Protocol Buffers message that have a length, the
// first of each number. Protocol Buffers, "Encoding".
func protoTexts(b []byte) map[uint64]string {
	texts := map[uint64]string{}
	for len(b) > 0 && len(texts) < 16 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return texts
		}
		b = b[n:]
		switch tag & 7 {
		case 0:
			if _, n = binary.Uvarint(b); n <= 0 {
				return texts
			}
			b = b[n:]
		case 2:
			size, n := binary.Uvarint(b)
			if n <= 0 || size > uint64(len(b)-n) {
				return texts
			}
			if _, twice := texts[tag>>3]; !twice {
				texts[tag>>3] = string(b[n : n+int(size)])
			}
			b = b[n+int(size):]
		default:
			return texts
		}
	}
	return texts
}
