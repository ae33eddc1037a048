// Package fill fetches blobs: each once at a time, however many readers in
// however many processes want it.
//
// A source of bytes enters; verified files leave, to whoever keeps them, and
// readers follow a file while it grows. A fill belongs to no reader: none can
// hold it up, and it goes on when they leave. The last byte of a blob is given
// out only after all of them had the right digest. When there is no room for
// the file, its readers go on from the source directly, by the same rule, and
// nothing is kept. The package knows neither registries nor the store.
package fill
