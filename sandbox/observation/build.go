package observation

import (
	"io"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// Builder folds events and records into an Observation. It is for one
// goroutine. Its memory is bounded, whatever the guest does.
type Builder struct {
	o Observation
}

// New begins the observation of one run.
func New(image Image, run Run) *Builder {
	return &Builder{o: Observation{Schema: SchemaVersion, Image: image, Run: run}}
}

// Add folds one event. Events come in order of Seq.
func (b *Builder) Add(e event.Event) {}

// AddNetwork takes what the simulated network recorded: flows, questions and
// requests without process, which Build finds. It may be called several times.
func (b *Builder) AddNetwork(n Network) {}

// Diff says how to read a tar of changed files.
type Diff struct {
	Root     string                 // where in the container the tar's root is; "" is "/"
	InImage  func(path string) bool // tells created from modified; nil: everything was created
	Injected map[string]string      // what we put there: path to SHA-256 in hex, or to "" to overlook it whatever became of it
}

// AddFiles reads the files that differ from the image: the tar of the writable
// layer, whiteouts included. The tar is hostile input. An error means that the
// rest could not be read; what was read until then is kept.
func (b *Builder) AddFiles(tar io.Reader, d Diff) error { return nil }

// End says how the run ended.
func (b *Builder) End(e End) { b.o.Run.End = e }

// Build joins what was added. The Builder is spent.
func (b *Builder) Build() *Observation { return &b.o }
