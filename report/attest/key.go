package attest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
)

// Key signs. It is ECDSA on P-256, as `cosign generate-key-pair` makes it.
type Key struct {
	private *ecdsa.PrivateKey
	public  []byte // SubjectPublicKeyInfo
}

// ErrPassword is returned for a key whose password is wrong or missing.
var ErrPassword = errors.New("the password of the key is wrong")

// maxKey is how large a key's file is at most, in bytes.
const maxKey = 64 << 10

// LoadKey reads the key in file: cosign's own form, encrypted with a password,
// or PEM of an unencrypted one (PKCS #8 or SEC 1). password is asked for only where it
// is needed. Errors wrap ErrPassword, or say what the file is.
func LoadKey(file string, password func() ([]byte, error)) (*Key, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("the signing key: %w", err)
	}
	if info.Size() > maxKey || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the signing key: %s is no file of a key", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("the signing key: %w", err)
	}
	k, err := ParseKey(text, password)
	if err != nil {
		return nil, fmt.Errorf("the signing key %s: %w", file, err)
	}
	return k, nil
}

// ParseKey is LoadKey for the text of a file.
func ParseKey(text []byte, password func() ([]byte, error)) (*Key, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("there is no PEM block in it: make one with `cosign generate-key-pair`")
	}
	der := block.Bytes
	var key any
	var err error
	switch block.Type {
	case "ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY": // of cosign 2 and later, of cosign 1
		secret, err := password()
		if err != nil {
			return nil, err
		}
		if der, err = encrypted.Decrypt(der, secret); err != nil {
			return nil, fmt.Errorf("%w: set COSIGN_PASSWORD, or name its file (%v)", ErrPassword, err)
		}
		key, err = x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return nil, fmt.Errorf("what is encrypted is no PKCS #8 key: %w", err)
		}
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(der)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(der)
	default:
		return nil, fmt.Errorf("the PEM block is a %q: a private key is wanted, as `cosign generate-key-pair` makes it", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("the %q cannot be read: %w", block.Type, err)
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return nil, errors.New("it is not ECDSA on the curve P-256, which cosign's own keys are")
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("its public key: %w", err)
	}
	return &Key{private, public}, nil
}

// hint names the key to whoever has several: the hash of the public one, as cosign has it.
func (k *Key) hint() string {
	sum := sha256.Sum256(k.public)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// sign signs the SHA-256 of message (ASN.1 form, as ECDSA signatures of cosign are).
func (k *Key) sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return ecdsa.SignASN1(rand.Reader, k.private, sum[:])
}

// signed tells whether one of the signatures of e is the key's.
func (k *Key) signed(e dsse.Envelope) bool {
	payload, err := e.DecodeB64Payload()
	if err != nil {
		return false
	}
	sum := sha256.Sum256(dsse.PAE(e.PayloadType, payload))
	return slices.ContainsFunc(e.Signatures, func(s dsse.Signature) bool {
		signature, err := base64.StdEncoding.DecodeString(s.Sig)
		return err == nil && ecdsa.VerifyASN1(&k.private.PublicKey, sum[:], signature)
	})
}
