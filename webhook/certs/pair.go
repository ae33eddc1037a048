package certs

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// pair is a private key and its certificate, followed by older ones.
type pair struct {
	key   *ecdsa.PrivateKey
	certs []*x509.Certificate
}

func (p pair) tls() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{p.certs[0].Raw}, PrivateKey: p.key, Leaf: p.certs[0]}
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

// encode is what parsePair reads.
func (p pair) encode() ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(p.key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), encodeCerts(p.certs)...), nil
}

func encodeCerts(certs []*x509.Certificate) []byte {
	var b []byte
	for _, c := range certs {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return b
}
