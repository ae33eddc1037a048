package proxy

import (
	"net/http"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

const (
	routesKept   = 4096
	longestRoute = 512 // bytes of what is remembered; longer ones are read each time
)

// routes remembers what requests meant: checking names is slow, and the same
// few are asked for again and again. What a request means depends on its Host
// and its target alone. It is safe for concurrent use.
type routes struct{ known *lru.Cache[routeKey, route] }

type routeKey struct{ host, target string }

func newRoutes() (routes, error) {
	known, err := lru.New[routeKey, route](routesKept)
	return routes{known}, err
}

func (m routes) of(r *http.Request, upstreams *upstream.List) (route, error) {
	key := routeKey{r.Host, r.RequestURI}
	if rt, ok := m.known.Get(key); ok {
		return rt, nil
	}
	rt, err := parseRoute(r, upstreams)
	if err == nil && key.target != "" && len(key.host)+len(key.target) <= longestRoute {
		m.known.Add(key, rt)
	}
	return rt, err
}
