package rejudge

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clienttesting "k8s.io/client-go/testing"
)

func uid(kind, name string) types.UID { return types.UID(kind + "/" + name) }

func TestRoundsBeginWhenSomethingChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var marks atomic.Value
		marks.Store("a")
		w, c := start(t, "", func(cfg *Config) {
			cfg.Pause = time.Minute
			cfg.Changes = func(context.Context) (string, error) {
				if s := marks.Load().(string); s != "" {
					return s, nil
				}
				return "", errors.New("Redis is away")
			}
		})
		var rounds, fails atomic.Int32
		w.api.PrependReactor("list", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
			rounds.Add(1)
			if fails.Load() > 0 {
				return true, nil, errors.New("connection refused")
			}
			return false, nil, nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		expect := func(when string, n int32) {
			t.Helper()
			synctest.Wait()
			if got := rounds.Swap(0); got != n {
				t.Errorf("%s: %d rounds, want %d", when, got, n)
			}
		}
		expect("at once", 1)
		time.Sleep(50 * time.Minute)
		expect("nothing changed", 0)
		marks.Store("b")
		time.Sleep(poll)
		expect("something changed", 1)
		marks.Store("c")
		time.Sleep(30 * time.Second)
		marks.Store("d")
		expect("within the pause", 0)
		time.Sleep(time.Minute)
		expect("after the pause, once for both", 1)
		marks.Store("")
		time.Sleep(50 * time.Minute)
		expect("nobody knows whether something changed", 0)
		time.Sleep(20 * time.Minute)
		expect("by the clock", 1)
		marks.Store("d")
		fails.Store(1)
		time.Sleep(65 * time.Minute)
		if n := rounds.Swap(0); n < 5 || n > 30 {
			t.Errorf("while the API server is away: %d rounds", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
