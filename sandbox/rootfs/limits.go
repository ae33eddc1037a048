package rootfs

// Limits bounds what an image may cost while it is unpacked. A zero field
// means the default of DefaultLimits.
type Limits struct {
	LayerBytes int64 // decompressed bytes of one layer, tar headers included
	TotalBytes int64 // decompressed bytes of all layers
	Ratio      int64 // decompressed bytes allowed per compressed byte, above 64 MiB
	Entries    int   // tar entries over all layers, and folders that only paths name
	PathBytes  int   // length of a path, and of a link's target
	XattrBytes int   // names and values of one entry's extended attributes
	PAXBytes   int   // keys and values of one entry's PAX records
}

// DefaultLimits admits every image of ordinary size: 16 GiB unpacked, a million entries.
func DefaultLimits() Limits {
	return Limits{
		LayerBytes: 8 << 30,
		TotalBytes: 16 << 30,
		Ratio:      1000,
		Entries:    1_000_000,
		PathBytes:  4096,
		XattrBytes: 64 << 10,
		PAXBytes:   256 << 10,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	if l.LayerBytes <= 0 {
		l.LayerBytes = d.LayerBytes
	}
	if l.TotalBytes <= 0 {
		l.TotalBytes = d.TotalBytes
	}
	if l.Ratio <= 0 {
		l.Ratio = d.Ratio
	}
	if l.Entries <= 0 {
		l.Entries = d.Entries
	}
	if l.PathBytes <= 0 {
		l.PathBytes = d.PathBytes
	}
	if l.XattrBytes <= 0 {
		l.XattrBytes = d.XattrBytes
	}
	if l.PAXBytes <= 0 {
		l.PAXBytes = d.PAXBytes
	}
	return l
}
