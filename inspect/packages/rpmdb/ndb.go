package rpmdb

import "encoding/binary"

// SUSE's database, Packages.db (lib/backend/ndb/rpmpkg.c in RPM): a header,
// pages of slots, and blobs that slots point to, in units of 16 bytes.
const (
	ndbMagic     = 'R' | 'p'<<8 | 'm'<<16 | 'P'<<24
	ndbSlotMagic = 'S' | 'l'<<8 | 'o'<<16 | 't'<<24
	ndbBlobMagic = 'B' | 'l'<<8 | 'b'<<16 | 'S'<<24
	ndbPage      = 4096
	ndbUnit      = 16
)

func ndbBlobs(b []byte, yield func([]byte) error) error {
	if len(b) < 2*ndbUnit {
		return invalid("it ends within its header")
	}
	if v := binary.LittleEndian.Uint32(b[4:]); v != 0 {
		return invalid("NDB of version %d", v)
	}
	pages := int64(binary.LittleEndian.Uint32(b[12:]))
	if pages < 1 || pages*ndbPage > int64(len(b)) {
		return invalid("%d pages of slots in %d bytes", pages, len(b))
	}
	// Two slots' room is the header.
	for at := int64(2 * ndbUnit); at < pages*ndbPage; at += ndbUnit {
		slot := b[at:]
		if binary.LittleEndian.Uint32(slot) != ndbSlotMagic {
			return invalid("no slot at %d", at)
		}
		index, from := binary.LittleEndian.Uint32(slot[4:]), int64(binary.LittleEndian.Uint32(slot[8:]))*ndbUnit
		if index == 0 {
			continue // free
		}
		if from+ndbUnit > int64(len(b)) {
			return invalid("the package %d lies behind the end", index)
		}
		blob := b[from:]
		size := int64(binary.LittleEndian.Uint32(blob[12:]))
		if binary.LittleEndian.Uint32(blob) != ndbBlobMagic || binary.LittleEndian.Uint32(blob[4:]) != index || ndbUnit+size > int64(len(blob)) {
			return invalid("no package %d at %d", index, from)
		}
		if err := yield(blob[ndbUnit:][:size]); err != nil {
			return err
		}
	}
	return nil
}
