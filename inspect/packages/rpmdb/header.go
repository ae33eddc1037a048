package rpmdb

import (
	"bytes"
	"encoding/binary"
	"strconv"
)

// Tags and types of RPM headers (rpmtag.h) that are read.
const (
	tagName    = 1000
	tagVersion = 1001
	tagRelease = 1002
	tagEpoch   = 1003
	tagLicense = 1014
	tagArch    = 1022
	tagSource  = 1044

	typeInt32  = 4
	typeString = 6
	typeI18N   = 9
)

const (
	maxTags    = 1 << 16
	entryBytes = 16
)

// parseHeader reads a header as databases hold it: numbers of entries and of
// bytes, the entries, the bytes.
func parseHeader(b []byte) (Package, error) {
	if len(b) < 8 {
		return Package{}, invalid("a header of %d bytes", len(b))
	}
	entries, size := int64(binary.BigEndian.Uint32(b)), int64(binary.BigEndian.Uint32(b[4:]))
	if entries < 1 || entries > maxTags || 8+entries*entryBytes+size > int64(len(b)) {
		return Package{}, invalid("a header of %d entries and %d bytes in %d bytes", entries, size, len(b))
	}
	data := b[8+entries*entryBytes:][:size]
	var p Package
	for i := range entries {
		e := b[8+i*entryBytes:]
		tag, kind, offset := binary.BigEndian.Uint32(e), binary.BigEndian.Uint32(e[4:]), int64(binary.BigEndian.Uint32(e[8:]))
		into := p.field(tag)
		if into == nil {
			continue
		}
		if offset >= size {
			return p, invalid("the tag %d lies at %d of %d bytes", tag, offset, size)
		}
		value := data[offset:]
		switch {
		case tag == tagEpoch && kind == typeInt32 && len(value) >= 4:
			*into = strconv.FormatUint(uint64(binary.BigEndian.Uint32(value)), 10)
		case tag != tagEpoch && (kind == typeString || kind == typeI18N):
			end := bytes.IndexByte(value, 0)
			if end < 0 {
				return p, invalid("the tag %d does not end", tag)
			}
			*into = string(value[:end])
		default:
			return p, invalid("the tag %d has the type %d", tag, kind)
		}
	}
	if p.Name == "" {
		return p, invalid("a package without name")
	}
	for _, none := range []*string{&p.Source, &p.License, &p.Arch} {
		if *none == "(none)" {
			*none = ""
		}
	}
	return p, nil
}

func (p *Package) field(tag uint32) *string {
	switch tag {
	case tagName:
		return &p.Name
	case tagVersion:
		return &p.Version
	case tagRelease:
		return &p.Release
	case tagEpoch:
		return &p.Epoch
	case tagLicense:
		return &p.License
	case tagArch:
		return &p.Arch
	case tagSource:
		return &p.Source
	}
	return nil
}
