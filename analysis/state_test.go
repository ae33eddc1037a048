package analysis_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/internal/redistest"
	"github.com/sallyport-dev/sallyport/internal/sandboxtest"
	"github.com/sallyport-dev/sallyport/report"
)

func TestStatesInWords(t *testing.T) {
	for want, s := range map[string]analysis.State{
		"not queued":                        {},
		"queued":                            {Phase: analysis.Queued},
		"queued, position 2":                {Phase: analysis.Queued, Position: 2},
		"queued (the sandbox is busy)":      {Phase: analysis.Queued, Reason: "the sandbox is busy"},
		"pulling":                           {Phase: analysis.Pulling, Elapsed: 200 * time.Millisecond},
		"running for 40s":                   {Phase: analysis.Running, Elapsed: 40100 * time.Millisecond},
		"judging for 2s":                    {Phase: analysis.Judging, Elapsed: 2 * time.Second},
		"switched off (by ada)":             {Phase: analysis.Off, Reason: "by ada"},
		"unsupported (no linux/arm64 here)": {Phase: analysis.Unsupported, Reason: "no linux/arm64 here"},
	} {
		if got := s.String(); got != want {
			t.Errorf("%+v is %q, want %q", s, got, want)
		}
	}
}

// A killed worker leaves its task active in Redis, with a lease that nobody
// extends.
func TestTheTaskOfAKilledWorkerIsFoundAgain(t *testing.T) {
	redistest.Each(t, func(t *testing.T, connect func() redis.UniversalClient) {
		ctx, service, d, client := t.Context(), sandboxtest.Start(t), disk(t), connect()
		start(t, d, connect(), service, options{idle: true}).enqueue("app")
		id := job("app").Subject.Digest.String()
		const prefix = "asynq:{analysis}:"
		if moved, err := client.RPopLPush(ctx, prefix+"pending", prefix+"active").Result(); err != nil || moved != id {
			t.Fatalf("moved %q, %v", moved, err)
		}
		if err := client.HSet(ctx, prefix+"t:"+id, "state", "active").Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.ZAdd(ctx, prefix+"lease", redis.Z{Score: float64(time.Now().Add(-time.Minute).Unix()), Member: id}).Err(); err != nil {
			t.Fatal(err)
		}
		looker := start(t, d, connect(), service, options{idle: true})
		if s := looker.enqueue("app"); s.Phase != analysis.Queued || s.Reason == "" {
			t.Errorf("before another worker comes it is %s", s)
		}
		start(t, d, connect(), service, options{}).verdict("app", report.Clean)
		runs(t, service, "app", 1)
	})
}
