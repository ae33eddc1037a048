package sbom

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/opencontainers/go-digest"
)

// Errors are wrapped by what Read returns.
var (
	// ErrInvalid is of bytes that are no bill of materials.
	ErrInvalid = errors.New("not a readable SBOM")
	// ErrOther is of a statement about something else than the image.
	ErrOther = errors.New("it is about another subject")
)

// MaxBytes is the largest document that is to be read.
const MaxBytes = 32 << 20

const (
	maxPackages = 50_000
	maxNested   = 3 // envelopes around a document
)

// document has a field of each format by which it is recognised, and those
// that are read.
type document struct {
	// SPDX 2 (https://spdx.github.io/spdx-spec/v2.3/).
	SPDXVersion string        `json:"spdxVersion"`
	Packages    []spdxPackage `json:"packages"`
	// CycloneDX (https://cyclonedx.org/docs/1.6/json/).
	BOMFormat  string      `json:"bomFormat"`
	Components []component `json:"components"`
	// in-toto statement (https://github.com/in-toto/attestation).
	StatementType string          `json:"_type"`
	Subject       []subject       `json:"subject"`
	PredicateType string          `json:"predicateType"`
	Predicate     json.RawMessage `json:"predicate"`
	// DSSE envelope (https://github.com/secure-systems-lab/dsse), alone or in a Sigstore bundle.
	PayloadType string    `json:"payloadType"`
	Payload     []byte    `json:"payload"`
	DSSE        *envelope `json:"dsseEnvelope"`
	// Of predicates: cosign puts a document below Data.
	Data json.RawMessage `json:"Data"`
}

type envelope struct {
	PayloadType string `json:"payloadType"`
	Payload     []byte `json:"payload"`
}

type subject struct {
	Digest map[string]string `json:"digest"`
}

// Read lists the packages in a document about the image d. Errors wrap
// ErrInvalid or ErrOther.
func Read(b []byte, d digest.Digest) ([]Package, error) { return read(b, d, 0) }

func read(b []byte, d digest.Digest, depth int) ([]Package, error) {
	if len(b) > MaxBytes {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrInvalid, MaxBytes)
	}
	if depth > maxNested {
		return nil, fmt.Errorf("%w: envelopes within envelopes", ErrInvalid)
	}
	var doc document
	if err := json.Unmarshal(b, &doc); err != nil {
		// Of a field with another type the rest is decoded all the same, but
		// nobody knows what that says.
		return nil, fmt.Errorf("%w: %v", ErrInvalid, err)
	}
	switch {
	case doc.DSSE != nil:
		return read(doc.DSSE.Payload, d, depth+1)
	case len(doc.Payload) > 0:
		return read(doc.Payload, d, depth+1)
	case strings.HasPrefix(doc.StatementType, "https://in-toto.io/Statement/"):
		if !doc.about(d) {
			return nil, ErrOther
		}
		return read(doc.Predicate, d, depth+1)
	case doc.SPDXVersion != "":
		return doc.spdx()
	case strings.EqualFold(doc.BOMFormat, "CycloneDX"):
		return doc.cyclonedx()
	case len(doc.Data) > 0:
		var text string
		if json.Unmarshal(doc.Data, &text) == nil {
			return read([]byte(text), d, depth+1)
		}
		return read(doc.Data, d, depth+1)
	}
	return nil, fmt.Errorf("%w: neither SPDX nor CycloneDX", ErrInvalid)
}

// about tells whether a statement is about d. BuildKit's may name no digest:
// what they are about is said by the index that holds them.
func (doc *document) about(d digest.Digest) bool {
	named := false
	for _, s := range doc.Subject {
		for algorithm, hex := range s.Digest {
			if algorithm == d.Algorithm().String() && hex == d.Encoded() {
				return true
			}
			named = true
		}
	}
	return !named
}
