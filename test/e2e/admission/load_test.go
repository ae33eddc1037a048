package admission

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

// TestManyAtOnce makes 500 pods at the same time, every fifth with a denied image.
func TestManyAtOnce(t *testing.T) {
	s := set(t, gate.Settings{}, gate.Registration{})
	f := &flow{s: s, ctx: t.Context(), cancel: func() {}, made: map[string]bool{}, retries: map[string]int{}}
	before := s.reviews(t)
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range 500 {
		wait.Go(func() {
			<-start
			if i%5 == 0 {
				f.one(fmt.Sprintf("evil-%03d", i), evil)
			} else {
				f.one(fmt.Sprintf("good-%03d", i), good)
			}
		})
	}
	close(start)
	wait.Wait()
	f.end(t)
	if len(f.made) != 400 || f.refused != 100 {
		t.Errorf("%d pods are made and %d denied, expected 400 and 100", len(f.made), f.refused)
	}
	if f.retries["InternalError"] > 0 {
		t.Errorf("the gate did not answer %d reviews", f.retries["InternalError"])
	}
	t.Logf("500 at once: %s", s.reviews(t).since(before))
}

// TestAddedLatency prints what the webhook adds to `kubectl apply`, one after
// the other, by the API server's own measure: for docs/performance.md.
func TestAddedLatency(t *testing.T) {
	s := set(t, gate.Settings{}, gate.Registration{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	const pods = 200
	before := s.reviews(t)
	for i := range pods {
		if status, err := s.CreatePod(ctx, s.namespace, fmt.Sprintf("shop-%d", i), good); err != nil || status.Code != 201 {
			t.Fatalf("pod %d: %v %v", i, status, err)
		}
	}
	after := s.reviews(t).since(before)
	if after.count < pods {
		t.Fatalf("the API server counts %d reviews of %d pods", after.count, pods)
	}
	t.Logf("added latency: %s", after)
}

// latencies are from apiserver_admission_webhook_admission_duration_seconds.
type latencies struct {
	count   int
	seconds float64
	within  map[string]int // by upper bound in seconds
}

var sample = regexp.MustCompile(`(?m)^apiserver_admission_webhook_admission_duration_seconds_(bucket|sum|count)\{(.*?)\} (\S+)$`)

// reviews is what the API server has measured of this webhook so far.
func (s *scene) reviews(t testing.TB) latencies {
	t.Helper()
	text, err := s.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := latencies{within: map[string]int{}}
	for _, m := range sample.FindAllStringSubmatch(text, -1) {
		if !strings.Contains(m[2], `name="`+gate.Hook+`"`) {
			continue
		}
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			t.Fatal(err)
		}
		switch m[1] {
		case "sum":
			l.seconds += value
		case "count":
			l.count += int(value)
		case "bucket":
			bound := regexp.MustCompile(`le="([^"]*)"`).FindStringSubmatch(m[2])
			l.within[bound[1]] += int(value)
		}
	}
	return l
}

func (l latencies) since(before latencies) latencies {
	l.count -= before.count
	l.seconds -= before.seconds
	for bound, n := range before.within {
		l.within[bound] -= n
	}
	return l
}

func (l latencies) String() string {
	n := float64(max(l.count, 1))
	return fmt.Sprintf("%d reviews, mean %.2f ms, %.1f %% within 5 ms (the finest bucket), %.1f %% within 25 ms",
		l.count, 1000*l.seconds/n, 100*float64(l.within["0.005"])/n, 100*float64(l.within["0.025"])/n)
}
