package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"log/slog"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

var events = schema.GroupVersionResource{Group: eventsv1.GroupName, Version: "v1", Resource: "events"}

const (
	controllerName = "sallyport.dev/gate" // reportingController

	waitingEvents = 1024 // not sent yet; more are dropped, and counted
	// seriesLife is how long a repetition is counted in the event that exists;
	// the API server forgets events after an hour.
	seriesLife    = 30 * time.Minute
	seriesEvery   = time.Minute // how often the count of one is written at most
	keptSeries    = 4096
	eventsRate    = 10 // per second, of all
	eventsBurst   = 100
	namespaceRate = 1.0 / 2 // per second, of one namespace, so that one does not silence the others
	namespaceMost = 25
	keptRates     = 1024

	maxNote = 1024 // bytes (events.k8s.io/v1, note)
)

// Event is something that a person who looks at an object is to read.
type Event struct {
	Object  corev1.ObjectReference // kind, namespace and name, at least
	Warning bool                   // else it is normal
	Reason  string                 // one word in CamelCase, why: ImageDenied
	Action  string                 // one word in CamelCase, what was done: Admit
	Note    string                 // for people; cut to 1024 bytes
}

// Events writes events (events.k8s.io/v1) beside the work that they tell of.
// Repetitions are counted in one event, and what comes faster than the API
// server should take is dropped and counted. It is safe for concurrent use.
type Events struct {
	cluster *Cluster
	log     *slog.Logger
	queue   chan Event
	results *prometheus.CounterVec
	now     func() time.Time

	// Of Run alone.
	instance string
	series   *lru.Cache[uint64, *series]
	all      *rate.Limiter
	rates    *lru.Cache[string, *rate.Limiter]
}

// series is an event that was written, and how often it happened.
type series struct {
	namespace, name string
	count           int32
	begun, written  time.Time
}

// NewEvents returns what writes to c, once Run is called. reg may be nil.
func NewEvents(c *Cluster, reg prometheus.Registerer) (*Events, error) {
	e := &Events{
		cluster: c, log: c.log, queue: make(chan Event, waitingEvents), now: time.Now,
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_cluster_events_total",
			Help: "Kubernetes events by what became of them: written, counted (in one that exists), dropped, failed.",
		}, []string{"result"}),
		all: rate.NewLimiter(eventsRate, eventsBurst),
	}
	for _, r := range []string{"written", "counted", "dropped", "failed"} {
		e.results.WithLabelValues(r)
	}
	if reg != nil {
		if err := reg.Register(e.results); err != nil {
			return nil, fmt.Errorf("registering the events' metrics: %w", err)
		}
	}
	var err error
	if e.instance, err = os.Hostname(); err != nil || e.instance == "" {
		e.instance = "sallyport"
	}
	if e.series, err = lru.New[uint64, *series](keptSeries); err != nil {
		return nil, err
	}
	e.rates, err = lru.New[string, *rate.Limiter](keptRates)
	return e, err
}

// Report has the event written soon. It never waits, and never fails.
func (e *Events) Report(event Event) {
	select {
	case e.queue <- event:
	default:
		e.results.WithLabelValues("dropped").Inc()
	}
}

// Run writes events until ctx ends, and then what is still waiting, for a second.
func (e *Events) Run(ctx context.Context) error {
	for {
		select {
		case event := <-e.queue:
			e.write(ctx, event)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			for last.Err() == nil {
				select {
				case event := <-e.queue:
					e.write(last, event)
				default:
					return nil
				}
			}
			return nil
		}
	}
}

func (e *Events) write(ctx context.Context, event Event) {
	now := e.now()
	key := event.key()
	s, repeated := e.series.Get(key)
	if repeated && now.Sub(s.begun) < seriesLife {
		s.count++
		if now.Sub(s.written) < seriesEvery {
			e.results.WithLabelValues("counted").Inc()
			return
		}
	} else {
		repeated = false
	}
	if !e.allowed(event.Object.Namespace, now) {
		e.results.WithLabelValues("dropped").Inc()
		return
	}
	var err error
	if repeated {
		err = e.recount(ctx, s, now)
	}
	if !repeated || apierrors.IsNotFound(err) {
		s, err = e.create(ctx, event, now)
	}
	switch {
	case err != nil:
		e.results.WithLabelValues("failed").Inc()
		e.log.WarnContext(ctx, "an event was not written", "reason", event.Reason, "kind", event.Object.Kind,
			"namespace", event.Object.Namespace, "name", event.Object.Name, "error", Explain(err, "writing an event", "create and patch", "events.events.k8s.io"))
	case repeated:
		e.results.WithLabelValues("counted").Inc()
	default:
		e.results.WithLabelValues("written").Inc()
		e.series.Add(key, s)
	}
}

// allowed tells whether the API server should take one more.
func (e *Events) allowed(namespace string, now time.Time) bool {
	one, ok := e.rates.Get(namespace)
	if !ok {
		one = rate.NewLimiter(namespaceRate, namespaceMost)
		e.rates.Add(namespace, one)
	}
	return one.AllowN(now, 1) && e.all.AllowN(now, 1)
}

func (e *Events) create(ctx context.Context, event Event, now time.Time) (*series, error) {
	kind := corev1.EventTypeNormal
	if event.Warning {
		kind = corev1.EventTypeWarning
	}
	namespace := event.Object.Namespace
	if namespace == "" {
		namespace = metav1.NamespaceDefault // where events of what has no namespace are kept
	}
	name := fmt.Sprintf(".%x", now.UnixNano())
	if most := 253 - len(name); len(event.Object.Name) > most {
		event.Object.Name = event.Object.Name[:most]
	}
	o, err := Encode(eventsv1.SchemeGroupVersion.String(), "Event", &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: namespace, Name: event.Object.Name + name},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: controllerName,
		ReportingInstance:   e.instance,
		Action:              event.Action,
		Reason:              event.Reason,
		Regarding:           event.Object,
		Note:                Cut(event.Note, maxNote),
		Type:                kind,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := e.cluster.request(ctx)
	defer cancel()
	made, err := e.cluster.api.Resource(events).Namespace(namespace).Create(ctx, o, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	return &series{namespace: namespace, name: made.GetName(), count: 1, begun: now, written: now}, nil
}

// recount writes how often an event has happened.
func (e *Events) recount(ctx context.Context, s *series, now time.Time) error {
	patch, err := json.Marshal(map[string]any{"series": eventsv1.EventSeries{Count: s.count, LastObservedTime: metav1.NewMicroTime(now)}})
	if err != nil {
		return err
	}
	ctx, cancel := e.cluster.request(ctx)
	defer cancel()
	if _, err := e.cluster.api.Resource(events).Namespace(s.namespace).Patch(ctx, s.name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return err
	}
	s.written = now
	return nil
}

// key is equal for events that say the same.
func (e Event) key() uint64 {
	h := fnv.New64a()
	for _, s := range []string{e.Object.APIVersion, e.Object.Kind, e.Object.Namespace, e.Object.Name, string(e.Object.UID), e.Reason, e.Action, e.Note} {
		_, _ = h.Write([]byte(s)) // never fails
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

// Cut makes s at most n bytes of whole characters, n being 3 or more: objects of
// the API have bounds.
func Cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	n -= len("…")
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
