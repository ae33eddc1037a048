// Package store keeps manifests, blobs and tags in the layout of the
// distribution project's registry (v2), under any of its storage drivers, so
// that its tools can read what lies there.
//
// Verified bytes enter and come back; a repository's links say which of them
// it may give out. Which manifest names which blob is derived from the stored
// manifests and kept in memory only. The package fetches nothing and judges
// nothing.
package store
