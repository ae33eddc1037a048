package observation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
)

// Bounds of stored observations when they are read. Those of a run that met
// every bound of a Builder are smaller.
const (
	maxStored  = 256 << 20 // bytes of JSON
	maxObjects = 1 << 20   // objects in it
	maxValues  = 16 << 20  // values in lists and objects
	maxPasses  = 32
)

// ErrInvalid is what Decode's errors wrap when the document is at fault.
var ErrInvalid = errors.New("not a valid observation")

// ErrTooLarge is returned for an observation that takes more room than there is.
var ErrTooLarge = errors.New("the observation is larger than is kept")

// SchemaError is of an observation that another version of this program made,
// and this one cannot read. It wraps ErrInvalid.
type SchemaError struct{ Version int }

func (e *SchemaError) Error() string {
	return fmt.Sprintf("the observation has the schema version %d, and this program reads %d: run the image again", e.Version, SchemaVersion)
}

// Unwrap returns ErrInvalid.
func (e *SchemaError) Unwrap() error { return ErrInvalid }

// Encode is the observations of a run's passes, in their order, as JSON, one
// a line, compressed with gzip, in at most limit bytes; the error wraps
// ErrTooLarge when it would be more.
func Encode(passes []*Observation, limit int) ([]byte, error) {
	out := &capped{left: limit}
	w, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("encoding observations: %w", err)
	}
	lines := json.NewEncoder(w)
	for _, o := range passes {
		err = errors.Join(err, lines.Encode(o))
	}
	err = errors.Join(err, w.Close())
	if out.full {
		return nil, fmt.Errorf("%w: more than %d MiB compressed", ErrTooLarge, limit>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding observations: %w", err)
	}
	return out.Bytes(), nil
}

// capped is a buffer that fails when it is full.
type capped struct {
	bytes.Buffer
	left int
	full bool
}

func (c *capped) Write(p []byte) (int, error) {
	if c.left -= len(p); c.left < 0 {
		c.full = true
		return 0, ErrTooLarge
	}
	return c.Buffer.Write(p)
}

// Decode reads what Encode wrote; there is at least one observation. It is
// foreign input: bounded in size and in what it takes to hold it, and checked where a reader relies on its form.
// Errors wrap ErrInvalid, among them *SchemaError, or are the reader's.
func Decode(r io.Reader) ([]*Observation, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%w: it is not compressed with gzip: %w", ErrInvalid, err)
	}
	documents := json.NewDecoder(&counting{r: z, bytes: maxStored})
	var passes []*Observation
	for {
		var raw json.RawMessage
		err := documents.Decode(&raw)
		if err == io.EOF && len(passes) > 0 {
			return passes, nil
		}
		if err != nil {
			return nil, invalid(err)
		}
		o, err := decode(raw)
		if err != nil {
			return nil, err
		}
		if len(passes) > 0 && o.Image.Digest != passes[0].Image.Digest {
			return nil, fmt.Errorf("%w: its passes are of different images", ErrInvalid)
		}
		if passes = append(passes, o); len(passes) > maxPasses {
			return nil, fmt.Errorf("%w: it has more than %d passes", ErrInvalid, maxPasses)
		}
	}
}

func decode(raw []byte) (*Observation, error) {
	version, err := schemaOf(bytes.NewReader(raw))
	if err != nil {
		return nil, invalid(err)
	}
	if version != SchemaVersion {
		return nil, &SchemaError{version}
	}
	o := new(Observation)
	if err := json.Unmarshal(raw, o); err != nil {
		return nil, invalid(err)
	}
	if err := o.whole(); err != nil {
		return nil, invalid(err)
	}
	return o, nil
}

func invalid(err error) error { return fmt.Errorf("%w: %w", ErrInvalid, err) }

// schemaOf reads the first field, which is the version: what follows can be
// understood only then.
func schemaOf(r io.Reader) (int, error) {
	d := json.NewDecoder(r)
	for _, want := range []json.Token{json.Delim('{'), "schema_version"} {
		t, err := d.Token()
		if err != nil {
			return 0, err
		}
		if t != want {
			return 0, fmt.Errorf("it begins with %.40q instead of its schema_version", fmt.Sprint(t))
		}
	}
	t, err := d.Token()
	if err != nil {
		return 0, err
	}
	n, ok := t.(float64)
	if !ok || n != float64(int(n)) {
		return 0, fmt.Errorf("schema_version is %.40q", fmt.Sprint(t))
	}
	return int(n), nil
}

// whole tells whether o has what its readers rely on.
func (o *Observation) whole() error {
	for id, p := range o.Processes {
		if p == nil || p.ID != id {
			return fmt.Errorf("the process %.40q is another", id)
		}
	}
	for sum, c := range o.Contents {
		if c == nil {
			return fmt.Errorf("the content %.80q is empty", sum)
		}
	}
	return nil
}

// counting passes JSON on and fails when it is longer, or makes more values,
// than is allowed: a short "{}," becomes hundreds of bytes in memory.
type counting struct {
	r               io.Reader
	bytes           int64
	objects, values int
	text, escaped   bool // within a string, after a backslash
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	for _, b := range p[:n] {
		switch {
		case c.escaped:
			c.escaped = false
		case c.text:
			c.escaped, c.text = b == '\\', b != '"'
		case b == '"':
			c.text = true
		case b == '{':
			c.objects++
		case b == ',':
			c.values++
		}
	}
	c.bytes -= int64(n)
	if c.bytes < 0 || c.objects > maxObjects || c.values > maxValues {
		return 0, fmt.Errorf("it is larger than any that is made: at most %d MiB, %d objects and %d values", maxStored>>20, maxObjects, maxValues)
	}
	return n, err
}
