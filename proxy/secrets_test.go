package proxy

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/proxy/internal/origin"
)

// Whatever goes wrong, no answer tells where the upstream is or with what it
// was asked.
func TestAnswersGiveNothingAway(t *testing.T) {
	const user, password = "robot-4711", "s3cret-of-the-gate"
	leak := func(o *origin.Origin) string {
		return fmt.Sprintf("http://%s:%s@%s/internal?sig=%s token opens-sesame", user, password, o.Host, password)
	}
	faults := map[string]func(s *site) origin.Fault{
		"nothing": func(*site) origin.Fault { return nil },
		"away":    func(s *site) origin.Fault { s.origin.Stop(); return nil },
		"a reset": func(*site) origin.Fault {
			return func(http.ResponseWriter, *http.Request, http.Handler) bool { panic(http.ErrAbortHandler) }
		},
		"no JSON":         func(s *site) origin.Fault { return says(200, leak(s.origin)) },
		"another's bytes": func(s *site) origin.Fault { return says(200, `{"schemaVersion":2,"mediaType":"`+leak(s.origin)+`"}`) },
		"a redirect": func(s *site) origin.Fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				http.Redirect(w, r, s.origin.URL+"/elsewhere?sig="+password, http.StatusTemporaryRedirect)
				return true
			}
		},
		"a redirect nowhere": func(s *site) origin.Fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				w.Header().Set("Location", "http://"+user+":"+password+"@127.0.0.1:1/x")
				w.WriteHeader(307)
				return true
			}
		},
		"a token service that fails": func(s *site) origin.Fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if r.URL.Path == "/token" {
					http.Error(w, leak(s.origin), 500)
				}
				return r.URL.Path == "/token"
			}
		},
		"401 for ever": func(s *site) origin.Fault {
			return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
				if r.URL.Path == "/token" {
					return false
				}
				w.Header().Set("WWW-Authenticate", `Bearer realm="`+s.origin.URL+`/token",service="`+password+`"`)
				w.WriteHeader(401)
				return true
			}
		},
	}
	for _, status := range []int{400, 401, 403, 404, 405, 418, 429, 500, 502, 503} {
		faults[fmt.Sprint(status)] = func(s *site) origin.Fault {
			return says(status, `{"errors":[{"code":"UNKNOWN","message":"`+leak(s.origin)+`"}]}`)
		}
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // upstreams that fail are tried again, which takes a while
			s := newSite(t, disk(t), func(c *Config) {
				c.TagFreshness = -1
				c.Upstreams[0].Username, c.Upstreams[0].Password = user, password
			})
			cached, cold := s.push("team/app:1.0", 1000), s.push("team/app:2.0", 1000)
			s.origin.RequireToken(user, password)
			s.ask("GET", path("team/app/manifests/1.0"))
			_, port, err := net.SplitHostPort(s.origin.Host)
			if err != nil {
				t.Fatal(err)
			}
			s.origin.Break(fault(s))
			some := digest.FromString("some")
			for _, where := range []string{
				path("team/app/manifests/1.0"), path("team/app/manifests/2.0"), path("team/app/manifests/none"),
				path("team/app/manifests/%s", cached.manifest), path("team/app/manifests/%s", cold.manifest), path("team/app/manifests/%s", some),
				path("team/app/blobs/%s", cached.layers[0]), path("team/app/blobs/%s", cold.layers[0]), path("team/app/blobs/%s", some),
				path("team/app/tags/list"), path("team/app/referrers/%s", cached.manifest), path("team/app/referrers/%s", some),
				path("team/other/manifests/1.0"), "/v2/", "/v2/_catalog", "/v2/quay.io/a/manifests/1", "/elsewhere",
			} {
				for _, method := range []string{"GET", "HEAD"} {
					a := s.ask(method, where)
					text := fmt.Sprint(a.header, " ", string(a.body))
					for _, secret := range []string{s.origin.Host, ":" + port, "127.0.0.1", user, password, "opens-sesame", "/internal", "localhost"} {
						if strings.Contains(text, secret) {
							t.Errorf("%s %s: %d gives %q away: %s", method, where, a.status, secret, text)
						}
					}
				}
			}
		})
	}
}

func says(status int, body string) origin.Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path == "/token" {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	}
}

func TestAFaultOfTheGateNamesNoAddresses(t *testing.T) {
	s := newSite(t, disk(t))
	s.push("team/app:1.0", 100)
	s.gate.fail(errors.New(`verdicts: Get "https://user:pw@s3.internal:9000/bucket?X-Amz-Signature=abc": dial tcp 192.0.2.5:9000: lookup redis.internal on [2001:db8::53]:53: refused`))
	a := s.ask("GET", path("team/app/manifests/1.0"))
	if a.status != 503 || !strings.Contains(a.message(), upstreamName+"/team/app:1.0") || !strings.Contains(a.message(), "verdicts: Get") || !strings.Contains(a.message(), "refused") {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, secret := range []string{"internal", "pw", "192.0.2.5", "2001", "Signature"} {
		if strings.Contains(string(a.body), secret) {
			t.Errorf("%q: %s", secret, a.body)
		}
	}
}
