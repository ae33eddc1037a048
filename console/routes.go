package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/console/token"
)

// handler answers one request, or returns why it cannot; one place turns that
// into an answer.
type handler func(w http.ResponseWriter, r *http.Request) error

// routes is the API.
func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	open := func(pattern string, h handler) { mux.Handle(pattern, c.answer(pattern, h)) }
	read := func(pattern string, h handler) { open(pattern, c.allow(token.Reader, h)) }
	change := func(pattern string, h handler) { open(pattern, c.allow(token.Admin, h)) }

	open("GET /{$}", c.welcome)
	open("GET /healthz", c.healthy)
	open("GET /readyz", c.ready)
	open("/", c.nowhere)

	// Paths and documents of Aqua's public API.
	open("POST /api/v1/login", c.login)
	read("GET /api/v2/assurance_policy/{type}", c.listPolicies)
	change("POST /api/v2/assurance_policy/{type}", c.createPolicy)
	read("GET /api/v2/assurance_policy/{type}/{name}", c.showPolicy)
	change("PUT /api/v2/assurance_policy/{type}/{name}", c.updatePolicy)
	change("DELETE /api/v2/assurance_policy/{type}/{name}", c.deletePolicy)
	read("GET /api/v2/images", c.listImages)
	read("GET /api/v2/images/{registry}/{rest...}", c.showImage)
	change("POST /api/v1/images", c.registerImages)
	change("POST /api/v1/images/rescan", c.rescanImages)
	change("POST /api/v1/images/allow", c.allowImages)
	change("POST /api/v1/images/disallow", c.blockImages)
	read("GET /api/v2/risks/acknowledge", c.listRisks)
	change("POST /api/v2/risks/acknowledge", c.acknowledgeRisks)
	change("DELETE /api/v2/risks/acknowledge", c.revokeRisks)
	change("DELETE /api/v2/risks/acknowledge/multiple", c.revokeRisks)

	// Ours.
	read("GET /api/v1/image", c.showNamedImage)
	read("GET /api/v1/policies/sources", c.listSources)
	read("GET /api/v1/facts", c.showFacts)
	change(previewPattern, c.previewPolicies)
	read("GET /api/v1/permissions", c.listPermissions)
	change("DELETE /api/v1/permissions", c.removePermission)
	read("GET /api/v1/labels", c.listLabels)
	change("POST /api/v1/labels", c.addLabels)
	change("DELETE /api/v1/labels", c.removeLabels)
	read("GET /api/v1/reports", c.showReport)
	read("GET /api/v1/reports/events", c.showEvents)
	read("GET /api/v1/decisions/{id}", c.showDecision)
	read("GET /api/v1/settings/dta", c.showSettings)
	change("PUT /api/v1/settings/dta", c.saveSettings)
	change("POST /api/v1/settings/dta/license", c.checkLicense)
	if c.parts.Cache != nil {
		read("GET /api/v1/cache", c.showCache)
		read("GET /api/v1/cache/images", c.listCached)
		read("GET /api/v1/cache/image", c.showCached)
		read("GET /api/v1/cache/blobs/{digest}", c.showCachedBlob)
		read("GET /api/v1/cache/pins", c.listPins)
		change("POST /api/v1/cache/pins", c.addPin)
		change("DELETE /api/v1/cache/pins", c.removePin)
		change("POST /api/v1/cache/purge", c.purgeCache)
	}
	if c.parts.Replayer != nil {
		change("POST /api/v1/behaviours/replay", c.replay)
	}
	change("GET /api/v1/tokens", c.listTokens)
	change("POST /api/v1/tokens", c.createToken)
	change("DELETE /api/v1/tokens/{id}", c.revokeToken)
	return mux
}

// previewPattern is the one call that takes a whole folder of policies.
const previewPattern = "POST /api/v1/assurance_policy/{type}/preview"

// answer runs h and turns its error into an answer.
func (c *Console) answer(route string, h handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		start := c.cfg.Now()
		w := &recorder{ResponseWriter: rw, code: http.StatusOK}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		limit := int64(maxBody)
		if route == previewPattern {
			limit = maxPreview
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		who := &bearer{}
		err := h(w, r.WithContext(context.WithValue(r.Context(), bearerKey{}, who)))
		if err != nil {
			c.fail(w, r, err)
		}
		c.metrics.done(route, w.code, c.cfg.Now().Sub(start))
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			// Who changed what, and who tried to.
			c.cfg.Logger.InfoContext(r.Context(), "api", "method", r.Method, "path", r.URL.Path, "code", w.code, "token", who.Name, "remote", r.RemoteAddr)
		}
	})
}

// fail writes the error document: {"message", "code"}, as Aqua's API has it.
func (c *Console) fail(w *recorder, r *http.Request, err error) {
	code := statusOf(err)
	switch {
	case w.wrote:
		c.cfg.Logger.WarnContext(r.Context(), "an answer broke off", "path", r.URL.Path, "error", err)
		return
	case code == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="sallyport"`)
	case code >= http.StatusInternalServerError:
		c.cfg.Logger.ErrorContext(r.Context(), "api", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	_ = reply(w, code, failure{Message: err.Error(), Code: code})
}

// allow lets h answer those whose token has the role, or a higher one.
func (c *Console) allow(role token.Role, h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if text = strings.TrimSpace(text); !strings.EqualFold(scheme, "Bearer") || text == "" {
			return problem(http.StatusUnauthorized, "send the header \"Authorization: Bearer TOKEN\": the administrator's token is in admin.token of the data folder, `sallyport token create` makes others")
		}
		who, err := c.parts.Tokens.Check(r.Context(), text)
		if err != nil {
			return err
		}
		caller(r.Context()).Token = who
		if who.Role == token.Puller {
			return problem(http.StatusForbidden, "the token %q is for pulling images: use one with the role %q or %q", who.Name, token.Reader, token.Admin)
		}
		if role == token.Admin && who.Role != token.Admin {
			return problem(http.StatusForbidden, "the token %q may look, not do this: use one with the role %q", who.Name, token.Admin)
		}
		return h(w, r)
	}
}

// bearer is who sent the request; empty before the token was checked.
type bearer struct{ token.Token }

type bearerKey struct{}

func caller(ctx context.Context) *bearer {
	if b, ok := ctx.Value(bearerKey{}).(*bearer); ok {
		return b
	}
	return &bearer{}
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	code  int
	wrote bool
}

func (w *recorder) WriteHeader(code int) {
	w.code, w.wrote = code, true
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController and http.MaxBytesReader.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (c *Console) welcome(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := fmt.Fprintf(w, `Sallyport %s

The API is below /api/v1 and /api/v2; every call but POST /api/v1/login needs
"Authorization: Bearer TOKEN". Try: sallyport image list
`, c.cfg.Version)
	return err
}

func (c *Console) healthy(w http.ResponseWriter, _ *http.Request) error {
	_, err := fmt.Fprintln(w, "ok")
	return err
}

func (c *Console) ready(w http.ResponseWriter, _ *http.Request) error {
	if !c.cfg.Ready() {
		return problem(http.StatusServiceUnavailable, "starting or ending")
	}
	_, err := fmt.Fprintln(w, "ok")
	return err
}

func (c *Console) nowhere(_ http.ResponseWriter, r *http.Request) error {
	return problem(http.StatusNotFound, "there is no %s %s: the API is below /api/v1 and /api/v2", r.Method, r.URL.Path)
}

// login turns id and password into the token for later calls. Tokens are the
// only credential here, so the token is its own password: clients that insist
// on logging in send the token's name and the token.
func (c *Console) login(w http.ResponseWriter, r *http.Request) error {
	var credentials struct {
		ID       string `json:"id"`
		Password string `json:"password"`
	}
	if err := decodeLoose(r, &credentials); err != nil {
		return err
	}
	who, err := c.parts.Tokens.Check(r.Context(), credentials.Password)
	if errors.Is(err, token.ErrInvalid) || err == nil && credentials.ID != who.Name && credentials.ID != who.ID {
		return problem(http.StatusUnauthorized, "the login failed: id is the token's name (%q for the one in admin.token), password the token", token.Administrator)
	}
	if err != nil {
		return err
	}
	caller(r.Context()).Token = who
	return reply(w, http.StatusOK, loginAnswer{Token: credentials.Password, User: loginUser{ID: who.Name, Role: who.Role, Expires: who.Expires}})
}

type loginAnswer struct {
	Token string    `json:"token"`
	User  loginUser `json:"user"`
}

type loginUser struct {
	ID      string     `json:"id"`
	Role    token.Role `json:"role"`
	Expires time.Time  `json:"expires,omitzero"`
}
