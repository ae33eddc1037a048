// Package rpmdb reads the packages that an RPM database lists: the SQLite
// database of today, SUSE's NDB, and the Berkeley DB hash of before, in either
// byte order.
//
// The bytes of a database enter, packages leave. They come from images, so
// nothing in them is believed: every offset and length is checked, no chain is
// followed twice, and no SQL is run (a “table” may be a view that never ends).
// The existing library (knqyf263/go-rpmdb) indexes pages unchecked in goroutines of its own,
// where a hostile image ends the whole process, and follows page chains without end;
// only what is needed to find the headers is read here.
package rpmdb
