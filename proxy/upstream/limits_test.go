package upstream

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/proxy/internal/origin"
)

func TestRateLimitHeaders(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name             string
		headers          []string
		limit, remaining int64
		reset            time.Duration
	}{
		{"none", nil, -1, -1, -1},
		{"Docker Hub", []string{"RateLimit-Limit: 100;w=21600", "RateLimit-Remaining: 76;w=21600"}, 100, 76, -1},
		{"X- with a date in Unix seconds", []string{"X-RateLimit-Limit: 5000", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1793534460"}, 5000, 0, time.Minute},
		{"a draft with one header each", []string{"RateLimit-Limit: 10", "RateLimit-Remaining: 1", "RateLimit-Reset: 7"}, 10, 1, 7 * time.Second},
		{"a draft with one header", []string{"RateLimit: limit=10, remaining=4, reset=7"}, 10, 4, 7 * time.Second},
		{"the newest draft", []string{`RateLimit: "default";r=50;t=30`}, -1, 50, 30 * time.Second},
		{"not numbers", []string{"RateLimit-Limit: many", "RateLimit-Remaining: -5", "RateLimit: ;;=,r=x"}, -1, -1, -1},
		{"a number too large", []string{"RateLimit-Limit: 99999999999999999999"}, -1, -1, -1},
	} {
		h := http.Header{}
		for _, line := range c.headers {
			k, v, _ := strings.Cut(line, ": ")
			h.Set(k, v)
		}
		if got := rateLimit(now, h); got != (allowance{c.limit, c.remaining, c.reset}) {
			t.Errorf("%s: got %+v", c.name, got)
		}
	}
	for text, want := range map[string]time.Duration{
		"": 0, "0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "-3": 0, "soon": 0,
		"Sun, 01 Nov 2026 12:05:00 GMT": 5 * time.Minute,
		"Sun, 01 Nov 2026 11:00:00 GMT": 0,
		"1793534460":                    time.Minute,
		"999999999":                     longestPause,
	} {
		if got := retryAfter(now, text); got != want {
			t.Errorf("Retry-After %q: got %s, want %s", text, got, want)
		}
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	ctx, o := context.Background(), origin.New(t)
	pushed(t, o)
	r, later := turned(t, Config{Endpoints: []string{o.URL}})
	o.Break(status(http.StatusTooManyRequests, "Retry-After: 120"))
	limited := func(atMost time.Duration) {
		t.Helper()
		_, err := r.Manifest(ctx, "team/app", "1.0")
		e, ok := err.(*Error)
		if !ok || e.Kind != Limited || e.RetryAfter > atMost || e.RetryAfter < atMost-10*time.Second {
			t.Errorf("got %v, %+v", err, e)
		}
	}
	limited(120 * time.Second)
	if n := o.Asked("GET", "/manifests/"); n != 1 {
		t.Errorf("it was asked %d times in spite of the 429", n)
	}
	o.Break(nil)
	o.Forget()
	later(100 * time.Second)
	limited(20 * time.Second)
	if _, err := r.Resolve(ctx, "team/app", "1.0"); err == nil {
		t.Error("a tag was asked for before the time")
	}
	if n := o.Asked("GET", "") + o.Asked("HEAD", ""); n != 0 {
		t.Errorf("asked %d times before Retry-After had passed", n)
	}
	later(20 * time.Second)
	if _, err := r.Manifest(ctx, "team/app", "1.0"); err != nil {
		t.Error(err)
	}
	// Without the header: longer each time.
	o.Break(status(http.StatusTooManyRequests))
	for _, wait := range []time.Duration{30, 60, 120, 240, 480, 900, 900} {
		limited(wait * time.Second)
		later(wait * time.Second)
	}
	o.Break(nil)
	if _, err := r.Manifest(ctx, "team/app", "1.0"); err != nil {
		t.Error(err)
	}
	o.Break(status(http.StatusTooManyRequests))
	limited(30 * time.Second)
	// A clock that jumps back by years does not hold it for years.
	later(-365 * 24 * time.Hour)
	o.Break(nil)
	if _, err := r.Manifest(ctx, "team/app", "1.0"); err != nil {
		t.Error(err)
	}
}

func TestAnotherMirrorIsAskedWhenOneSays429(t *testing.T) {
	ctx, mirror, home := context.Background(), origin.New(t), origin.New(t)
	img := pushed(t, home)
	mirror.Break(status(http.StatusTooManyRequests, "Retry-After: 60"))
	r, _ := turned(t, Config{Endpoints: []string{mirror.URL, home.URL}})
	for range 3 {
		if m, err := r.Manifest(ctx, "team/app", "1.0"); err != nil || m.Digest != digestOf(t, img) {
			t.Fatal(err)
		}
	}
	if n := mirror.Asked("GET", ""); n != 1 {
		t.Errorf("the mirror was asked %d times", n)
	}
}

func TestAllowanceIsTold(t *testing.T) {
	ctx, o := context.Background(), origin.New(t)
	pushed(t, o)
	l, err := NewList([]Config{{Registry: "registry.test", Endpoints: []string{o.URL}}}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	now := time.Now()
	l.UseClock(func() time.Time { return now })
	want := State{Registry: "registry.test", Endpoint: o.Host, Healthy: true, Limit: -1, Remaining: -1}
	if s := l.States(); len(s) != 1 || s[0] != want {
		t.Errorf("at first: %+v", s)
	}
	o.Break(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		w.Header().Set("RateLimit-Limit", "100;w=21600")
		w.Header().Set("RateLimit-Remaining", "0;w=21600")
		w.Header().Set("RateLimit-Reset", "40")
		return false
	})
	r, _ := l.Registry("registry.test")
	if _, err := r.Manifest(ctx, "team/app", "1.0"); err != nil {
		t.Fatal(err)
	}
	want.Limit, want.Remaining, want.Pause = 100, 0, 40*time.Second
	if s := l.States(); s[0] != want {
		t.Errorf("afterwards: %+v", s)
	}
	if _, err := r.Manifest(ctx, "team/app", "1.0"); err == nil {
		t.Error("asked although nothing remains")
	}
}

func FuzzRateLimit(f *testing.F) {
	f.Add("120", "100;w=21600", "0", "7", `"default";r=50;t=30`)
	f.Add("Sun, 01 Nov 2026 12:05:00 GMT", "", "-1", "1793534460", "limit=10, remaining=4")
	f.Add("99999999999999999999", "9223372036854775807", ";", "9223372036854775807", "r=;t==1,,")
	f.Fuzz(func(t *testing.T, after, limit, remaining, reset, combined string) {
		now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
		h := http.Header{"Retry-After": {after}, "Ratelimit-Limit": {limit}, "Ratelimit-Remaining": {remaining}, "Ratelimit-Reset": {reset}, "Ratelimit": {combined}}
		l := newLimits()
		for _, status := range []int{200, 429, 429, 503} {
			l.note(now, "", status, h)
			if p := l.pause(now, ""); p < 0 || p > longestPause {
				t.Errorf("paused for %s", p)
			}
		}
		if a := l.allowance(); a.limit < -1 || a.remaining < -1 {
			t.Errorf("%+v", a)
		}
	})
}
