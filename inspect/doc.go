// Package inspect finds out what is true of an image's bytes: its platform,
// configuration, layers, and which images an index is made of.
//
// A reference with a digest goes in, immutable Facts come out, cached as
// objects by digest. Content arrives through the small interface Content, so
// that the package neither knows registries nor the proxy that implements it.
package inspect
