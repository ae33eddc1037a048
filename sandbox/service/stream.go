package service

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// beat is how often a state is repeated while nothing changes, so that the
// elapsed time is seen and connections that died are found out.
const beat = 5 * time.Second

// stream sends the run's states as server-sent events (WHATWG HTML, 9.2).
func (s *Service) stream(w http.ResponseWriter, r *http.Request, run *run) {
	w.Header().Set("Content-Type", protocol.Stream)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	flush := http.NewResponseController(w)
	again := time.NewTicker(beat)
	defer again.Stop()
	for {
		state, changed := run.now()
		data, err := json.Marshal(state)
		if err != nil {
			return
		}
		if _, err := fmt.Fprintf(w, "event: state\ndata: %s\n\n", data); err != nil {
			return
		}
		if err := flush.Flush(); err != nil || state.Over() {
			return
		}
		select {
		case <-changed:
		case <-again.C:
		case <-r.Context().Done():
			return
		}
	}
}
