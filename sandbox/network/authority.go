package network

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/netip"
	"sync"
	"time"
)

// authority signs for every name, with a key that is made for this run and
// never leaves the process.
type authority struct {
	now    func() time.Time
	rand   io.Reader
	key    *ecdsa.PrivateKey
	leaf   crypto.Signer // of all certificates: what it is worth, one is enough
	cert   *x509.Certificate
	pem    []byte
	mu     sync.Mutex
	issued map[string]*tls.Certificate
}

// maxIssued bounds the certificates that are remembered, not those that are made.
const maxIssued = 1000

// Not told from one of a company's own.
var authorityName = pkix.Name{CommonName: "Internal Services Root CA", Organization: []string{"Internal Services"}}

func newAuthority(random io.Reader, now func() time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	leaf, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: authorityName,
		NotBefore: now().AddDate(-2, 0, 0), NotAfter: now().AddDate(8, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(random, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	return &authority{
		now: now, rand: random, key: key, leaf: leaf, cert: cert,
		pem:    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		issued: make(map[string]*tls.Certificate),
	}, nil
}

// certificate is one for a name or an address.
func (a *authority) certificate(name string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.issued[name]; c != nil {
		return c, nil
	}
	serial, err := rand.Int(a.rand, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("certificate for %q: %w", name, err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: commonName(name)},
		NotBefore: a.now().AddDate(0, -1, 0), NotAfter: a.now().AddDate(0, 11, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		template.IPAddresses = append(template.IPAddresses, addr.AsSlice())
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(a.rand, template, a.cert, a.leaf.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("certificate for %q: %w", name, err)
	}
	c := &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: a.leaf}
	if len(a.issued) < maxIssued {
		a.issued[name] = c
	}
	return c, nil
}

// commonName is name as far as RFC 5280's upper bound of 64 characters goes.
func commonName(name string) string { return name[:min(len(name), 64)] }
