package bundle

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"

	opa "github.com/open-policy-agent/opa/v1/bundle"
	opakeys "github.com/open-policy-agent/opa/v1/keys"
)

// KeySettings say whose signature an archive needs.
type KeySettings struct {
	// Key is PEM text, or the file that holds it: public keys or certificates,
	// any of which may have signed, so that keys can be changed without a gap.
	// For the HS algorithms it is the file of the secret. Empty: no signature is needed.
	Key       string
	KeyID     string // that the signature must name; empty: any
	Algorithm string // RS256, ES384, PS512, HS256, …; empty: by the kind of key
}

// Keys are those that may have signed an archive. A nil *Keys needs no signature.
type Keys struct {
	id   string
	keys []*opakeys.Config
}

// Load reads the keys; nil when none is set. A file is read each time, so that
// a mounted secret that changes is followed.
func (s KeySettings) Load() (*Keys, error) {
	if s.Key == "" {
		return nil, nil
	}
	text, err := s.text()
	if err != nil {
		return nil, err
	}
	k := &Keys{id: s.KeyID}
	if strings.HasPrefix(s.Algorithm, "HS") {
		if len(text) == 0 {
			return nil, errors.New("the file of the key is empty")
		}
		k.keys = []*opakeys.Config{{Key: string(text), Algorithm: s.Algorithm}} // as OPA reads it, line end included
		return k, nil
	}
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		algorithm, err := algorithmFor(block, s.Algorithm)
		if err != nil {
			return nil, err
		}
		k.keys = append(k.keys, &opakeys.Config{Key: string(pem.EncodeToMemory(block)), Algorithm: algorithm})
	}
	if len(k.keys) == 0 {
		return nil, errors.New("the key holds no PEM block; for a shared secret set the algorithm (HS256)")
	}
	return k, nil
}

func (s KeySettings) text() ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(s.Key), "-----BEGIN ") {
		return []byte(s.Key), nil
	}
	b, err := os.ReadFile(s.Key)
	if err != nil {
		return nil, fmt.Errorf("the key: %w", err)
	}
	return b, nil
}

// algorithmFor is the algorithm of a key, public or private, unless asked says it.
func algorithmFor(block *pem.Block, asked string) (string, error) {
	key, err := parseKey(block)
	if err != nil {
		return "", fmt.Errorf("the key is no %s: %w", strings.ToLower(block.Type), err)
	}
	switch key := key.(type) {
	case *rsa.PublicKey, *rsa.PrivateKey:
		return matching(asked, "RS256", "RS", "PS")
	case *ecdsa.PublicKey:
		return matching(asked, curves[key.Curve.Params().BitSize], "ES")
	case *ecdsa.PrivateKey:
		return matching(asked, curves[key.Curve.Params().BitSize], "ES")
	}
	return "", fmt.Errorf("a key of the kind %T cannot sign bundles: use RSA or ECDSA", key)
}

var curves = map[int]string{256: "ES256", 384: "ES384", 521: "ES512"}

func matching(asked, otherwise string, families ...string) (string, error) {
	if asked == "" {
		asked = otherwise
	}
	for _, f := range families {
		if strings.HasPrefix(asked, f) && opakeys.IsSupportedAlgorithm(asked) {
			return asked, nil
		}
	}
	return "", fmt.Errorf("the key does not fit the algorithm %q", asked)
}

func parseKey(block *pem.Block) (any, error) {
	switch block.Type {
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "CERTIFICATE":
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return c.PublicKey, nil
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(block.Bytes)
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(block.Bytes)
	}
	return nil, fmt.Errorf("the PEM block is a %q", block.Type)
}

// verify reads files as OPA does, and returns their manifest and the id of
// the key that signed.
func (k *Keys) verify(files []file) (opa.Manifest, string, error) {
	if k == nil {
		b, err := readOPA(files, nil)
		if err != nil {
			return opa.Manifest{}, "", fmt.Errorf("the bundle: %w", err)
		}
		return b.Manifest, "", nil
	}
	id, err := signedBy(files)
	if err != nil {
		return opa.Manifest{}, "", err
	}
	if k.id != "" && id != k.id {
		return opa.Manifest{}, "", fmt.Errorf("%w: it is of the key %q, and %q is wanted", ErrSignature, id, k.id)
	}
	var faults []error
	for _, key := range k.keys {
		const name = "configured"
		b, err := readOPA(files, opa.NewVerificationConfig(map[string]*opakeys.Config{name: key}, name, "", nil))
		if err == nil {
			return b.Manifest, id, nil
		}
		faults = append(faults, err)
	}
	return opa.Manifest{}, "", fmt.Errorf("%w: %w", ErrSignature, errors.Join(faults...))
}

// signedBy is the key id that the signature of files names; "" when it names none.
func signedBy(files []file) (string, error) {
	for _, f := range files {
		if f.name != signatures {
			continue
		}
		var s opa.SignaturesConfig
		if err := json.Unmarshal(f.b, &s); err != nil || len(s.Signatures) != 1 {
			return "", fmt.Errorf("%w: %s does not hold exactly one", ErrSignature, signatures)
		}
		head, _, _ := strings.Cut(s.Signatures[0], ".")
		b, err := base64.RawURLEncoding.DecodeString(head)
		if err != nil {
			return "", fmt.Errorf("%w: its header: %w", ErrSignature, err)
		}
		var header struct {
			ID string `json:"kid"`
		}
		if err := json.NewDecoder(bytes.NewReader(b)).Decode(&header); err != nil {
			return "", fmt.Errorf("%w: its header: %w", ErrSignature, err)
		}
		return header.ID, nil
	}
	return "", fmt.Errorf("%w: there is none, and a key is configured", ErrSignature)
}

// signatures is where OPA looks for them.
const signatures = ".signatures.json"
