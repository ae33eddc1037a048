// Package sbom reads the packages that a software bill of materials lists:
// SPDX and CycloneDX in JSON, bare or as the predicate of an in-toto
// statement, which may be in a DSSE envelope or a Sigstore bundle.
//
// Foreign bytes enter, packages leave. Signatures are not verified here: what
// a document says is somebody's claim. Only the few fields that facts need are
// decoded, so that a document is read that a strict reader would refuse for the others.
package sbom
