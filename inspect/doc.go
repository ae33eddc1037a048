// Package inspect finds out what is true of an image's bytes: its platform,
// configuration, layers, and which images an index is made of; and, through
// Sources and only when somebody needs it, what is in the layers: packages,
// users, the distribution, files with rights, base images.
//
// A reference with a digest goes in; immutable Facts and Findings come out, cached as
// objects by digest. Content arrives through the small interface Content, so
// that the package neither knows registries nor the proxy that implements it.
package inspect
