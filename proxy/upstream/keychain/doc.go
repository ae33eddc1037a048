// Package keychain is where the gate's own credentials for upstreams come
// from: Docker's configuration file with its credential helpers, the identities
// that clouds give to their machines, and a cluster's pull secrets.
//
// The name of a source and its settings enter; an authn.Keychain leaves, which
// is asked again every few minutes, so that what changes needs no restart. A
// source that fails is an error and never "no credentials". The package keeps
// nothing on disk and logs no credential.
package keychain
