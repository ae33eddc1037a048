package attest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
)

// PayloadType is the type of what is signed.
const PayloadType = "application/vnd.in-toto+json"

// BundleType is the media type of a Bundle, and the artifact type of what is attached.
const BundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// Bundle is a Sigstore bundle with a signature by a key
// (github.com/sigstore/protobuf-specs, sigstore_bundle.proto).
type Bundle struct {
	MediaType            string        `json:"mediaType"`
	VerificationMaterial material      `json:"verificationMaterial"`
	Envelope             dsse.Envelope `json:"dsseEnvelope"`
}

type material struct {
	PublicKey publicKey `json:"publicKey"`
}

type publicKey struct {
	Hint string `json:"hint"`
}

// Sign signs an in-toto statement.
func Sign(k *Key, statement []byte) (Bundle, error) {
	if _, err := predicateOf(statement); err != nil {
		return Bundle{}, err
	}
	signature, err := k.sign(dsse.PAE(PayloadType, statement))
	if err != nil {
		return Bundle{}, fmt.Errorf("signing a statement: %w", err)
	}
	return Bundle{
		MediaType: BundleType, VerificationMaterial: material{publicKey{k.hint()}},
		Envelope: dsse.Envelope{
			PayloadType: PayloadType, Payload: base64.StdEncoding.EncodeToString(statement),
			Signatures: []dsse.Signature{{Sig: base64.StdEncoding.EncodeToString(signature)}},
		},
	}, nil
}

// predicate is the type of what b's statement says.
func (b Bundle) predicate() (string, error) {
	statement, err := b.Envelope.DecodeB64Payload()
	if err != nil {
		return "", err
	}
	return predicateOf(statement)
}

// predicateOf is the type of what the statement says.
func predicateOf(statement []byte) (string, error) {
	var s struct {
		Type      string            `json:"_type"`
		Subject   []json.RawMessage `json:"subject"`
		Predicate string            `json:"predicateType"`
	}
	if err := json.Unmarshal(statement, &s); err != nil {
		return "", fmt.Errorf("it is no in-toto statement: %w", err)
	}
	if s.Type != "https://in-toto.io/Statement/v1" || len(s.Subject) == 0 || s.Predicate == "" {
		return "", errors.New("it is no in-toto statement of version 1 with a subject and a predicate")
	}
	return s.Predicate, nil
}
