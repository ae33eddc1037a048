package layers

import (
	"errors"
	"fmt"
)

// Limits bounds what one image may cost while it is read. A zero field means
// the default of DefaultLimits.
type Limits struct {
	LayerBytes int64 // decompressed bytes of one layer, tar headers included
	TotalBytes int64 // decompressed bytes of all layers
	Ratio      int64 // decompressed bytes allowed per compressed byte, above 64 MiB
	Entries    int   // tar entries over all layers
	PathBytes  int   // length of a path, and of a link's target
	PAXBytes   int   // keys and values of one entry's PAX records, extended attributes among them
	Nodes      int   // links, kept files and files with rights that are remembered, with their folders
	NameBytes  int   // names of those, and what links lead to
	Kept       int64 // bytes of all kept files together
}

// DefaultLimits admits every image of ordinary size: 16 GiB unpacked, a million
// entries; and keeps at most 192 MiB in memory.
func DefaultLimits() Limits {
	return Limits{
		LayerBytes: 8 << 30,
		TotalBytes: 16 << 30,
		Ratio:      1000,
		Entries:    1_000_000,
		PathBytes:  4096,
		PAXBytes:   256 << 10,
		Nodes:      200_000,
		NameBytes:  32 << 20,
		Kept:       192 << 20,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ own, standard *int64 }{
		{&l.LayerBytes, &d.LayerBytes}, {&l.TotalBytes, &d.TotalBytes}, {&l.Ratio, &d.Ratio}, {&l.Kept, &d.Kept},
	} {
		if *f.own <= 0 {
			*f.own = *f.standard
		}
	}
	for _, f := range []struct{ own, standard *int }{
		{&l.Entries, &d.Entries}, {&l.PathBytes, &d.PathBytes}, {&l.PAXBytes, &d.PAXBytes}, {&l.Nodes, &d.Nodes}, {&l.NameBytes, &d.NameBytes},
	} {
		if *f.own <= 0 {
			*f.own = *f.standard
		}
	}
	return l
}

// ErrArchive is wrapped when a layer is not what its description says or is no
// archive that a runtime would unpack.
var ErrArchive = errors.New("the layer cannot be read")

// LimitError says that an image is larger than is read.
type LimitError struct {
	Layer string // digest
	What  string // e.g. "entries"
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("layer %s: more than %d %s, which is as much as is read", e.Layer, e.Limit, e.What)
}

// ErrUnread is wrapped for a file that exists, but whose content was not kept.
var ErrUnread = errors.New("not read")
