package certs

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// pair is a private key and its certificate, followed by older ones.
type pair struct {
	key   *ecdsa.PrivateKey
	certs []*x509.Certificate
}

// load reads the files. What is not there yet stays zero; what cannot be read
// is an error, since making it anew would lock out clusters that trust the old.
func (a *Authority) load() (state, error) {
	var s state
	authority, err := readPair(filepath.Join(a.cfg.Dir, authorityName))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil // a leaf without its authority is of no use
	}
	if err != nil {
		return s, err
	}
	s.authority, s.bundle = authority, encodeCerts(authority.certs)
	leaf, err := readPair(filepath.Join(a.cfg.Dir, leafName))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	s.leaf = leaf.tls()
	return s, nil
}

// saveAuthority writes the authority: first what the public is to trust, then
// the key that signs, so that nothing is ever signed by what is not published.
func (a *Authority) saveAuthority(s *state) error {
	if err := a.publish(s); err != nil {
		return err
	}
	return writePair(filepath.Join(a.cfg.Dir, authorityName), s.authority)
}

func (a *Authority) saveLeaf(s *state, leaf pair) error {
	s.leaf = leaf.tls()
	return writePair(filepath.Join(a.cfg.Dir, leafName), leaf)
}

func (p pair) tls() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{p.certs[0].Raw}, PrivateKey: p.key, Leaf: p.certs[0]}
}

// readPair reads one file with a key and certificates, the key's own first.
func readPair(file string) (pair, error) {
	b, err := read(file)
	if err != nil {
		return pair{}, err
	}
	p, err := parsePair(b)
	if err != nil {
		return pair{}, fmt.Errorf("%s: %w: restore it from a backup, or delete it and give the cluster the new caBundle", file, err)
	}
	return p, nil
}

func parsePair(b []byte) (pair, error) {
	var p pair
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			break
		}
		switch block.Type {
		case "PRIVATE KEY":
			key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return p, fmt.Errorf("the key is damaged: %w", err)
			}
			ec, ok := key.(*ecdsa.PrivateKey)
			if !ok {
				return p, fmt.Errorf("the key is a %T, expected ECDSA", key)
			}
			p.key = ec
		case "CERTIFICATE":
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return p, fmt.Errorf("a certificate is damaged: %w", err)
			}
			p.certs = append(p.certs, cert)
		}
	}
	if p.key == nil || len(p.certs) == 0 {
		return p, errors.New("no private key and certificate are in it")
	}
	if public, ok := p.certs[0].PublicKey.(*ecdsa.PublicKey); !ok || !public.Equal(p.key.Public()) {
		return p, errors.New("key and certificate do not belong together")
	}
	return p, nil
}

func writePair(file string, p pair) error {
	key, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return fmt.Errorf("encoding a key: %w", err)
	}
	b := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	return write(file, append(b, encodeCerts(p.certs)...), 0o600)
}

func encodeCerts(certs []*x509.Certificate) []byte {
	var b []byte
	for _, c := range certs {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return b
}

func read(file string) ([]byte, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the webhook's certificates: %w", err)
	}
	return b, nil
}

// write replaces file as a whole; readers see the old or the new content.
func write(file string, b []byte, mode fs.FileMode) error {
	aside, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+"-*")
	if err != nil {
		return fmt.Errorf("writing the webhook's certificates: %w", err)
	}
	defer os.Remove(aside.Name())
	_, err = aside.Write(b)
	err = errors.Join(err, aside.Chmod(mode), aside.Sync(), aside.Close())
	if err == nil {
		err = os.Rename(aside.Name(), file)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return nil
}

// lock keeps other processes on the same folder from renewing at the same time.
func lock(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("locking the webhook's certificates: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("locking the webhook's certificates in %s: %w", dir, err)
	}
	return func() { _ = f.Close() }, nil // closing unlocks
}
