package admission

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

// TestManyAtOnce makes 500 pods at the same time, every fifth with a denied image.
func TestManyAtOnce(t *testing.T) {
	s := set(t, gate.Settings{}, gate.Registration{})
	f := &flow{s: s, ctx: t.Context(), cancel: func() {}, made: map[string]bool{}, retries: map[string]int{}}
	before := s.reviews(t, gate.Hook)
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
	t.Logf("500 at once: %s", s.reviews(t, gate.Hook).since(before))
}

// TestAddedLatency prints what the webhook adds to a request, one after the
// other, for docs/performance.md. The API server's own measure is beside that of
// a webhook that says yes at once, which is what connections, the API server and
// the machine cost; its finest bucket is 5 ms, so that the requests themselves are
// timed, too, and those that ask no webhook. What passes in the gate is in its log.
func TestAddedLatency(t *testing.T) {
	s := set(t, gate.Settings{}, gate.Registration{})
	lanes := []struct {
		name, namespace, hook string
		before                latencies
		took                  []time.Duration
	}{
		{name: "no webhook", namespace: s.Namespace(t)},
		{name: "a webhook that says yes", namespace: sayYes(t, s), hook: yesHook},
		{name: "the gate", namespace: s.namespace, hook: gate.Hook},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	const pods = 400
	for i := range lanes {
		lanes[i].before = s.reviews(t, lanes[i].hook)
	}
	for n := range pods {
		for i := range lanes {
			l := &lanes[i]
			sent := time.Now()
			if status, err := s.CreatePod(ctx, l.namespace, fmt.Sprintf("shop-%d", n), good); err != nil || status.Code != 201 {
				t.Fatalf("%s, pod %d: %v %v", l.name, n, err, status)
			}
			l.took = append(l.took, time.Since(sent))
		}
	}
	for _, l := range lanes {
		slices.Sort(l.took)
		t.Logf("a pod, %s: p50 %v, p99 %v", l.name, quantile(l.took, .5), quantile(l.took, .99))
		if l.hook == "" {
			continue
		}
		after := s.reviews(t, l.hook).since(l.before)
		if after.count < pods {
			t.Fatalf("the API server counts %d reviews of %d pods by %s", after.count, pods, l.name)
		}
		t.Logf("— as the API server measures it: %s", after)
	}
	t.Logf("— in the gate: %s", inGate(t, s.gate.Log(t), pods))
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[int(q*float64(len(sorted)-1))].Round(10 * time.Microsecond)
}

// latencies are from apiserver_admission_webhook_admission_duration_seconds.
type latencies struct {
	count   int
	seconds float64
	within  map[string]int // by upper bound in seconds
}

var sample = regexp.MustCompile(`(?m)^apiserver_admission_webhook_admission_duration_seconds_(bucket|sum|count)\{(.*?)\} (\S+)$`)

// reviews is what the API server has measured of a webhook so far.
func (s *scene) reviews(t testing.TB, hook string) latencies {
	t.Helper()
	text, err := s.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	l := latencies{within: map[string]int{}}
	for _, m := range sample.FindAllStringSubmatch(text, -1) {
		if !strings.Contains(m[2], `name="`+hook+`"`) {
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

// yesHook is the name of the webhook that says yes.
const yesHook = "yes.sallyport.test"

// sayYes registers a webhook that admits everything without a look, in a
// namespace of its own, and returns the namespace.
func sayYes(t testing.TB, s *scene) (namespace string) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review struct{ Request struct{ UID string } }
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":%q,"allowed":true}}`, review.Request.UID)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	namespace = s.Namespace(t, "e2e.sallyport.dev/floor=floor")
	s.gate.Configure(t, s.Cluster, gate.Registration{
		Name: "floor", Hook: yesHook, Address: server.Listener.Addr().String(), Selector: "e2e.sallyport.dev/floor: floor",
		CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
	})
	cluster.Eventually(t, "the cluster asks who says yes", func() bool {
		s.Kubectl(t, "-n", namespace, "run", "probe", "--image="+good, "--dry-run=server").Done(t)
		return s.reviews(t, yesHook).count > 0
	})
	return namespace
}

var reviewed = regexp.MustCompile(`msg="(?:slow )?admission review" .*name=shop-.* took=(\S+) read=(\S+) resolve=(\S+) decide=(\S+)`)

// inGate is what the gate's log says of the reviews of so many pods. Reading is
// waiting, too: for what the API server has not sent yet.
func inGate(t testing.TB, log string, pods int) string {
	type stages [4]time.Duration // took, read, resolve, decide
	var all []stages
	for _, m := range reviewed.FindAllStringSubmatch(log, -1) {
		var one stages
		for i := range one {
			var err error
			if one[i], err = time.ParseDuration(m[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, one)
	}
	if len(all) < pods {
		t.Fatalf("the gate's log tells of %d reviews of %d pods", len(all), pods)
	}
	slices.SortFunc(all, func(a, b stages) int { return cmp.Compare(a[0], b[0]) })
	var took []time.Duration
	for _, one := range all {
		took = append(took, one[0])
	}
	text := fmt.Sprintf("p50 %v, p99 %v; the longest:", quantile(took, .5), quantile(took, .99))
	for _, one := range all[len(all)-5:] {
		text += fmt.Sprintf(" %v (read %v, resolve %v, decide %v)", one[0], one[1], one[2], one[3])
	}
	return text
}
