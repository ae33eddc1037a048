package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// Outcome is a finished run. Its artifacts last until Close. One that no
// Runner made has none.
type Outcome struct {
	Report *report.Report
	Passes []judge.Pass // what the report was made of, at least one; of an image that was not run, only its configuration

	dir  *folder
	once sync.Once
	err  error
}

// Artifact opens one of protocol.Observations, Events, PCAP and FSDiff. The
// error wraps fs.ErrNotExist for a name that this run does not have, and
// observation.ErrTooLarge for observations that are not kept. Not to be called
// during or after Close.
func (o *Outcome) Artifact(name string) (io.ReadCloser, error) {
	switch name {
	case protocol.Observations:
		var seen []*observation.Observation
		for _, p := range o.Passes {
			seen = append(seen, p.Observation)
		}
		if len(seen) == 0 {
			break
		}
		b, err := observation.Encode(seen, protocol.MaxObservations)
		if err != nil {
			return nil, fmt.Errorf("the run's %s: %w", name, err)
		}
		return io.NopCloser(bytes.NewReader(b)), nil
	case protocol.Events, protocol.PCAP, protocol.FSDiff:
		if o.dir == nil {
			break
		}
		f, err := os.Open(o.dir.file(name))
		if err != nil {
			return nil, fmt.Errorf("the run's %s: %w", name, err)
		}
		return f, nil
	}
	return nil, fmt.Errorf("the run's %.64q: %w", name, fs.ErrNotExist)
}

// Close deletes the last traces of the run. It may be called twice.
func (o *Outcome) Close() error {
	o.once.Do(func() {
		if o.dir != nil {
			o.err = o.dir.remove()
		}
	})
	return o.err
}
