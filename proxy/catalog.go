package proxy

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/registry/api/errcode"

	"github.com/sallyport-dev/sallyport/image"
)

const (
	// catalogFor is how long the list of repositories is used: making it reads
	// all names in the storage.
	catalogFor = 10 * time.Second
	// catalogPage is how many names an answer has at most.
	catalogPage = 1000
)

// catalog lists the repositories of which something is cached, for those who
// may know it. Names are registry/repository, as they are pulled.
func (p *Proxy) catalog(w *recorder, r *http.Request, who requester) error {
	switch allowed := p.content.cfg.Catalog; {
	case allowed == CatalogEveryone, allowed == CatalogAccounts && who.user != "":
	case allowed == CatalogAccounts && p.content.cfg.Accounts != nil:
		return p.unauthorized("the list of repositories is for those who log in")
	default:
		return refuse(errcode.ErrorCodeDenied, "the list of repositories is not given out here (proxy.catalog)")
	}
	query := r.URL.Query()
	limit := catalogPage
	if text := query.Get("n"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return refuse(errcode.ErrorCodePaginationNumberInvalid, "n=%s: write how many repositories at most, 0 or more", clip(text))
		}
		limit = min(n, catalogPage)
	}
	all, err := p.content.repositories(r.Context())
	if err != nil {
		return err
	}
	if last := query.Get("last"); last != "" {
		i, found := slices.BinarySearch(all, last)
		if found {
			i++
		}
		all = all[i:]
	}
	names := []string{}
	for _, name := range all {
		if len(names) == limit {
			if limit > 0 {
				next := url.Values{"n": {strconv.Itoa(limit)}, "last": {names[limit-1]}}
				w.Header().Set("Link", "</v2/_catalog?"+next.Encode()+`>; rel="next"`)
			}
			break
		}
		registry, repository, _ := strings.Cut(name, "/")
		if p.content.shows(r.Context(), image.Reference{Registry: registry, Repository: repository}) {
			names = append(names, name)
		}
	}
	return sendJSON(w, r, "application/json", map[string]any{"repositories": names})
}

// cataloged is the list of repositories as it was a moment ago.
type cataloged struct {
	names []string
	at    time.Time
}

func (c *Content) repositories(ctx context.Context) ([]string, error) {
	if l := c.catalog.Load(); l != nil && within(c.cfg.now(), l.at, catalogFor) {
		return l.names, nil
	}
	return once(ctx, c, "catalog", func(ctx context.Context) ([]string, error) {
		at := c.cfg.now()
		c.allWritten(ctx)
		names, err := c.store.Repositories(ctx)
		if err == nil {
			c.catalog.Store(&cataloged{names, at})
		}
		return names, err
	})
}
