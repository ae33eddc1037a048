package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sallyport-dev/sallyport/config"
)

// slowly takes a write only when it is told to.
type slowly struct {
	next   chan struct{}
	mu     sync.Mutex
	writes []string
}

func (s *slowly) Write(b []byte) (int, error) {
	<-s.next
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, string(b))
	return len(b), nil
}

func TestLinesThatWaitAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowly{next: make(chan struct{})}
		l := newLines(w)
		say := func(line string) {
			if n, err := io.WriteString(l, line); n != len(line) || err != nil {
				t.Errorf("%q: %d, %v", line, n, err)
			}
		}
		say("one\n")
		synctest.Wait() // it is being written
		say("two\n")
		say("three\n")
		w.next <- struct{}{}
		w.next <- struct{}{}
		synctest.Wait()
		if got := fmt.Sprintf("%q", w.writes); got != `["one\n" "two\nthree\n"]` {
			t.Errorf("written: %s", got)
		}
		say("four\n")
		close(w.next)
		l.Close()
		say("after the end\n")
		if got := strings.Join(w.writes[2:], ""); got != "four\nafter the end\n" {
			t.Errorf("at the end: %q", got)
		}
	})
}

// TestDurationsHaveUnits: both forms of the log say a duration alike.
func TestDurationsHaveUnits(t *testing.T) {
	for format, want := range map[string]string{"json": `"took":"1.5s"`, "text": "took=1.5s"} {
		var b bytes.Buffer
		newLogger(&b, config.Log{Format: format}).Info("done", "took", 1500*time.Millisecond)
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s: %s", format, &b)
		}
	}
}

func TestLogsThatNobodyTakesMakeThoseWaitWhoLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowly{next: make(chan struct{})}
		l := newLines(w)
		said := 0
		go func() {
			for range 100 {
				_, _ = l.Write(bytes.Repeat([]byte("x"), maxWaiting/10))
				said++
			}
		}()
		synctest.Wait()
		if said > 30 {
			t.Errorf("%d lines of %d bytes wait", said, maxWaiting/10)
		}
		close(w.next)
		synctest.Wait()
		l.Close()
		total := 0
		for _, b := range w.writes {
			total += len(b)
		}
		if said != 100 || total != 100*(maxWaiting/10) {
			t.Errorf("%d lines, %d bytes", said, total)
		}
	})
}
