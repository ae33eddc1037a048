// Package image holds the words for container images: references, platforms
// and severities' subject, the digest.
//
// What enters is text that people, clients and clusters write; what leaves is
// one normalised form that scopes, keys, labels and messages all use. The
// package talks to no registry and imports nothing else of this module.
package image
