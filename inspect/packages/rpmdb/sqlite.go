package rpmdb

import (
	"encoding/binary"
	"strings"
)

// SQLite's file format (https://www.sqlite.org/fileformat.html), as far as it
// takes to walk one table.
const (
	sqliteMagic  = "SQLite format 3\x00"
	sqliteLeaf   = 0x0d // types of pages: table b-tree
	sqliteInner  = 0x05
	sqliteHeader = 100 // before the first page's b-tree
	sqliteDepth  = 20
)

type sqlite struct {
	b      []byte
	log    map[int64][]byte // pages that the write-ahead log has anew
	page   int64
	usable int64
	pages  int64
	read   int64 // pages, each of which is read once at most
}

func openSQLite(b, log []byte) (*sqlite, error) {
	if len(b) < 512 {
		return nil, invalid("it has %d bytes", len(b))
	}
	db := &sqlite{b: b, page: int64(binary.BigEndian.Uint16(b[16:]))}
	if db.page == 1 {
		db.page = 65536
	}
	if db.page < 512 || db.page&(db.page-1) != 0 {
		return nil, invalid("its pages have %d bytes", db.page)
	}
	if db.usable = db.page - int64(b[20]); db.usable < 480 {
		return nil, invalid("its pages have %d bytes of use", db.usable)
	}
	db.pages = int64(len(b)) / db.page
	db.readLog(log)
	return db, nil
}

// readLog takes over what the log holds up to the last transaction that ended.
func (db *sqlite) readLog(log []byte) {
	const header, frame = 32, 24
	if len(log) < header || binary.BigEndian.Uint32(log)&^1 != 0x377f0682 || int64(binary.BigEndian.Uint32(log[8:])) != db.page {
		return
	}
	salts := string(log[16:24])
	open, done := map[int64][]byte{}, map[int64][]byte{}
	for at := int64(header); at+frame+db.page <= int64(len(log)); at += frame + db.page {
		f := log[at:]
		if string(f[8:16]) != salts {
			break // left over from before
		}
		open[int64(binary.BigEndian.Uint32(f))] = f[frame:][:db.page]
		if size := int64(binary.BigEndian.Uint32(f[4:])); size != 0 { // a transaction ends
			for n, p := range open {
				done[n] = p
			}
			db.pages = max(db.pages, min(size, int64(len(db.b)+len(log))/db.page))
			clear(open)
		}
	}
	db.log = done
}

// blobs yields the first blob of every row of the table Packages.
func (db *sqlite) blobs(yield func([]byte) error) error {
	root := int64(0)
	err := db.walk(1, 0, func(record []byte) error {
		values, err := columns(record)
		if err != nil {
			return err
		}
		if len(values) >= 4 && string(values[0].bytes) == "table" && strings.EqualFold(string(values[1].bytes), "Packages") {
			root = values[3].integer()
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case root <= 0:
		return invalid("it has no table Packages")
	}
	return db.walk(root, 0, func(record []byte) error {
		values, err := columns(record)
		if err != nil {
			return err
		}
		for _, v := range values {
			if v.blob {
				return yield(v.bytes)
			}
		}
		return invalid("a row of Packages has no blob")
	})
}

func (db *sqlite) at(n int64) ([]byte, error) {
	if db.read++; n < 1 || n > db.pages || db.read > 2*db.pages {
		return nil, invalid("its pages lead to the page %d", n)
	}
	if p, ok := db.log[n]; ok {
		return p, nil
	}
	if n*db.page > int64(len(db.b)) {
		return nil, invalid("it ends before its page %d", n)
	}
	return db.b[(n-1)*db.page:][:db.page], nil
}

// walk yields the records of the table whose b-tree begins on page n.
func (db *sqlite) walk(n int64, depth int, yield func([]byte) error) error {
	page, err := db.at(n)
	if err != nil {
		return err
	}
	if depth > sqliteDepth {
		return invalid("its tree is more than %d deep", sqliteDepth)
	}
	start := int64(0)
	if n == 1 {
		start = sqliteHeader
	}
	kind, cells := page[start], int64(binary.BigEndian.Uint16(page[start+3:]))
	head := int64(8)
	if kind == sqliteInner {
		head = 12
	} else if kind != sqliteLeaf {
		return invalid("the page %d is of no table", n)
	}
	if start+head+2*cells > db.usable {
		return invalid("the page %d has %d cells", n, cells)
	}
	for i := range cells {
		at := int64(binary.BigEndian.Uint16(page[start+head+2*i:]))
		if at+4 > db.usable {
			return invalid("a cell of the page %d lies at %d", n, at)
		}
		if kind == sqliteInner {
			if err := db.walk(int64(binary.BigEndian.Uint32(page[at:])), depth+1, yield); err != nil {
				return err
			}
			continue
		}
		record, err := db.record(page[at:db.usable])
		if err != nil {
			return err
		}
		if err := yield(record); err != nil {
			return err
		}
	}
	if kind == sqliteInner {
		return db.walk(int64(binary.BigEndian.Uint32(page[start+8:])), depth+1, yield)
	}
	return nil
}

// record is the payload of a leaf's cell, with what of it lies on overflow pages.
func (db *sqlite) record(cell []byte) ([]byte, error) {
	size, n := varint(cell)
	_, m := varint(cell[n:]) // the row's number
	if n == 0 || m == 0 || size < 0 || size > int64(len(db.b)+len(db.log)*int(db.page)) {
		return nil, invalid("a record of %d bytes", size)
	}
	rest := cell[n+m:]
	local := size
	if most := db.usable - 35; size > most {
		least := (db.usable-12)*32/255 - 23
		if local = least + (size-least)%(db.usable-4); local > most {
			local = least
		}
	}
	if local > int64(len(rest)) {
		return nil, invalid("a record ends behind its page")
	}
	if local == size {
		return rest[:size], nil
	}
	if local+4 > int64(len(rest)) {
		return nil, invalid("a record ends behind its page")
	}
	record := append(make([]byte, 0, size), rest[:local]...)
	next := int64(binary.BigEndian.Uint32(rest[local:]))
	for int64(len(record)) < size {
		page, err := db.at(next)
		if err != nil {
			return nil, err
		}
		next = int64(binary.BigEndian.Uint32(page))
		part := page[4:db.usable]
		record = append(record, part[:min(int64(len(part)), size-int64(len(record)))]...)
	}
	return record, nil
}

// column is one value of a record: a number, text or a blob.
type column struct {
	bytes []byte
	blob  bool
	small int64 // the number, of the types that have no bytes
}

func (c column) integer() int64 {
	if len(c.bytes) == 0 || len(c.bytes) > 8 {
		return c.small
	}
	v := int64(int8(c.bytes[0]))
	for _, b := range c.bytes[1:] {
		v = v<<8 | int64(b)
	}
	return v
}

const maxColumns = 64

// columns takes a record apart.
func columns(record []byte) ([]column, error) {
	size, n := varint(record)
	if n == 0 || size < int64(n) || size > int64(len(record)) {
		return nil, invalid("a record without head")
	}
	head, body := record[n:size], record[size:]
	var all []column
	for len(head) > 0 {
		kind, n := varint(head)
		if n == 0 || kind < 0 || len(all) >= maxColumns {
			return nil, invalid("a record with a damaged head")
		}
		head = head[n:]
		var c column
		var bytes int64
		switch {
		case kind <= 4:
			bytes = kind
		case kind == 5:
			bytes = 6
		case kind <= 7:
			bytes = 8
		case kind <= 9:
			c.small = kind - 8
		default:
			bytes, c.blob = (kind-12)/2, kind%2 == 0 && kind >= 12
		}
		if bytes < 0 || bytes > int64(len(body)) {
			return nil, invalid("a record ends within a value")
		}
		c.bytes, body = body[:bytes], body[bytes:]
		all = append(all, c)
	}
	return all, nil
}

// varint reads SQLite's variable-length integer; n is 0 when b ends within it.
func varint(b []byte) (v int64, n int) {
	for n < len(b) && n < 9 {
		c := b[n]
		n++
		if n == 9 {
			return v<<8 | int64(c), n
		}
		v = v<<7 | int64(c&0x7f)
		if c < 0x80 {
			return v, n
		}
	}
	return 0, 0
}
