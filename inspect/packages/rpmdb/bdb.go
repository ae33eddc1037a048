package rpmdb

import "encoding/binary"

// Berkeley DB's hash, Packages (dbinc/db_page.h): pages that begin with a
// header; on hash pages, pairs of key and value, which lie on the page or, as
// headers nearly always do, on a chain of overflow pages.
const (
	bdbMagic    = 0x00061561
	bdbHeader   = 26
	bdbMetadata = 8  // page types
	bdbHash     = 13 //
	bdbUnsorted = 2  // hash pages of before 4.6
	bdbOverflow = 7
	bdbOffPage  = 3 // items: on a chain of pages,
	bdbKeyData  = 1 // on this page
)

type bdb struct {
	b     []byte
	order binary.ByteOrder
	page  int64
	pages int64
}

func openBDB(b []byte) (*bdb, error) {
	if len(b) < 512 {
		return nil, invalid("it has %d bytes", len(b))
	}
	db := &bdb{b: b, order: binary.LittleEndian}
	if binary.LittleEndian.Uint32(b[12:]) != bdbMagic {
		db.order = binary.BigEndian
		if binary.BigEndian.Uint32(b[12:]) != bdbMagic {
			return nil, invalid("its format is not known")
		}
	}
	db.page = int64(db.order.Uint32(b[20:]))
	switch {
	case b[24] != 0:
		return nil, invalid("it is encrypted")
	case b[25] != bdbMetadata:
		return nil, invalid("it is no hash")
	case db.page < 512 || db.page > 65536 || db.page&(db.page-1) != 0:
		return nil, invalid("its pages have %d bytes", db.page)
	}
	db.pages = int64(len(b)) / db.page
	if last := int64(db.order.Uint32(b[32:])); last >= db.pages {
		return nil, invalid("it ends before its page %d", last)
	}
	return db, nil
}

func (db *bdb) blobs(yield func([]byte) error) error {
	read := int64(0) // overflow pages, each of which belongs to one value
	for n := range db.pages {
		page := db.b[n*db.page:][:db.page]
		if page[25] != bdbHash && page[25] != bdbUnsorted {
			continue
		}
		items := int64(db.order.Uint16(page[20:]))
		if items%2 != 0 || bdbHeader+2*items > db.page {
			return invalid("the page %d has %d items", n, items)
		}
		for i := int64(1); i < items; i += 2 { // values
			at := int64(db.order.Uint16(page[bdbHeader+2*i:]))
			before := int64(db.order.Uint16(page[bdbHeader+2*(i-1):]))
			if at >= db.page {
				return invalid("an item of the page %d lies at %d", n, at)
			}
			var value []byte
			switch {
			case page[at] == bdbOffPage && at+12 <= db.page:
				var err error
				if value, err = db.chain(int64(db.order.Uint32(page[at+4:])), int64(db.order.Uint32(page[at+8:])), &read); err != nil {
					return err
				}
			case page[at] == bdbKeyData && before > at && before <= db.page:
				value = page[at+1 : before]
				if len(value) < 8+entryBytes {
					continue // the counter, under the key 0
				}
			default:
				continue
			}
			if err := yield(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// chain puts together the value of size bytes that begins on page n.
func (db *bdb) chain(n, size int64, read *int64) ([]byte, error) {
	if size > int64(len(db.b)) {
		return nil, invalid("a value of %d bytes", size)
	}
	value := make([]byte, 0, size)
	for n != 0 {
		if *read++; n >= db.pages || *read > db.pages {
			return nil, invalid("a chain of pages leads to the page %d", n)
		}
		page := db.b[n*db.page:][:db.page]
		if page[25] != bdbOverflow {
			return nil, invalid("the page %d is no overflow page", n)
		}
		part := page[bdbHeader:]
		n = int64(db.order.Uint32(page[16:]))
		if used := int64(db.order.Uint16(page[22:])); n == 0 && used < int64(len(part)) {
			part = part[:used]
		}
		value = append(value, part...)
	}
	return value, nil
}
