package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// KeyPair is a certificate with its key in two files (PEM), which may be
// replaced while it is in use. It is safe for concurrent use.
type KeyPair struct {
	certFile, keyFile string
	log               *slog.Logger
	current           atomic.Pointer[tls.Certificate]

	mu   sync.Mutex // of reading
	seen [2][]byte  // what the files held when they were last read
}

// reloadEvery is how soon replaced files are noticed.
const reloadEvery = 5 * time.Second

// maxPEM bounds a file, in bytes.
const maxPEM = 1 << 20

// OpenKeyPair reads the files, which must be a certificate chain, leaf first,
// and its key. log may be nil for slog.Default().
func OpenKeyPair(certFile, keyFile string, log *slog.Logger) (*KeyPair, error) {
	if log == nil {
		log = slog.Default()
	}
	k := &KeyPair{certFile: certFile, keyFile: keyFile, log: log}
	_, err := k.Reload()
	return k, err
}

// Reload reads the files again and tells whether they had changed. After an
// error the pair that was in force stays so.
func (k *KeyPair) Reload() (changed bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var now [2][]byte
	for i, name := range []string{k.certFile, k.keyFile} {
		if now[i], err = readPEM(name); err != nil {
			return false, err
		}
	}
	if k.current.Load() != nil && bytes.Equal(now[0], k.seen[0]) && bytes.Equal(now[1], k.seen[1]) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(now[0], now[1])
	if err != nil {
		return false, fmt.Errorf("certificate %s with key %s: %w", k.certFile, k.keyFile, err)
	}
	if end := pair.Leaf.NotAfter; time.Now().After(end) {
		err := fmt.Errorf("certificate %s ended on %s: renew it", k.certFile, end.UTC().Format(time.RFC3339))
		if k.current.Load() != nil {
			return false, err
		}
		// Nothing better is known, and clients say it too.
		k.log.Error("TLS", "error", err)
	}
	k.current.Store(&pair)
	k.seen = now
	return true, nil
}

func readPEM(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err == nil && len(b) > maxPEM {
		err = errors.New("is larger than a certificate or key can be")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// Watch reloads the files when they change, until ctx ends. Connections stay
// as they are; handshakes see the new pair. What cannot be used is said once
// and leaves the former pair in force.
func (k *KeyPair) Watch(ctx context.Context) {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	said := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := k.Reload()
		switch {
		case err != nil && err.Error() != said:
			said = err.Error()
			k.log.Error("the new certificate cannot be used; the former one stays", "error", err, "until", k.NotAfter())
		case err == nil:
			said = ""
		}
		if changed {
			k.log.Info("a new certificate is in use", "file", k.certFile, "until", k.NotAfter())
		}
	}
}

// NotAfter is when the certificate in force ends.
func (k *KeyPair) NotAfter() time.Time { return k.current.Load().Leaf.NotAfter }

// TLS is the configuration of a listener with the pair in force: TLS 1.2 and
// later, HTTP/2 and HTTP/1.1.
func (k *KeyPair) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return k.current.Load(), nil
		},
	}
}
