// Package attest signs statements about images, and attaches them to the images
// in their registry.
//
// An in-toto statement and a key go in; a DSSE envelope (secure-systems-lab/dsse,
// version 1) in a Sigstore bundle comes out, which `cosign verify-attestation` takes.
// There is no transparency log in it: whoever has the public key checks. A
// statement takes the place of what the same key said about the image before. The
// package makes no statements and keeps no keys.
package attest
