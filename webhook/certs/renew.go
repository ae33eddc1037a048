package certs

import (
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"slices"
	"strings"
	"time"
)

// renew makes what is missing and replaces what is due, in an order in which
// every leaf served is signed by an authority that was published long enough.
func (a *Authority) renew(s *state) error {
	now := a.cfg.Now()
	if s.authority.key == nil || now.After(s.authority.certs[0].NotAfter) {
		// None yet, or the gate was away so long that nobody trusts it any more.
		made, err := newAuthority(now, a.cfg.AuthorityLife)
		if err != nil {
			return err
		}
		s.authority = made
		if err := a.saveAuthority(s); err != nil {
			return err
		}
		a.cfg.Logger.Info("made an authority for the webhook: give it to the cluster as caBundle", "file", a.BundleFile())
	}

	fresh := s.authority.certs[0]
	signs := now.Sub(fresh.NotBefore) >= a.cfg.Overlap || len(s.authority.certs) == 1
	leaf := s.leaf.Leaf
	switch {
	case leaf == nil, !trusted(leaf, s.authority.certs, now):
		// None, or not ours: nothing to lose.
	case due(leaf, now), !slices.Equal(namesOf(leaf), normalNames(a.cfg.Names)):
	case signs && leaf.CheckSignatureFrom(fresh) != nil:
	default:
		return a.renewAuthority(s, now)
	}
	made, err := newLeaf(s.authority, a.cfg.Names, now, a.cfg.LeafLife)
	if err != nil {
		return err
	}
	if err := a.saveLeaf(s, made); err != nil {
		return err
	}
	a.cfg.Logger.Info("made a certificate for the webhook", "names", a.cfg.Names, "end", made.certs[0].NotAfter)
	return a.renewAuthority(s, now)
}

// renewAuthority replaces the authority when it is due, and forgets those that
// ended; the newest has not. The leaf in force was renewed before if it had to be, so that it lasts
// until the new authority may sign.
func (a *Authority) renewAuthority(s *state, now time.Time) error {
	living := slices.DeleteFunc(slices.Clone(s.authority.certs), func(c *x509.Certificate) bool { return now.After(c.NotAfter) })
	if len(living) == len(s.authority.certs) && !due(living[0], now) {
		return a.publish(s)
	}
	if due(living[0], now) {
		made, err := newAuthority(now, a.cfg.AuthorityLife)
		if err != nil {
			return err
		}
		s.authority = pair{made.key, append(made.certs, living...)}
		a.cfg.Logger.Warn("made a new authority for the webhook: give the cluster the new caBundle", "file", a.BundleFile(), "within", a.cfg.Overlap)
	} else {
		s.authority.certs = living
	}
	return a.saveAuthority(s)
}

// publish writes the bundle when somebody removed or changed it.
func (a *Authority) publish(s *state) error {
	s.bundle = encodeCerts(s.authority.certs)
	have, err := read(a.BundleFile())
	if err == nil && string(have) == string(s.bundle) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return write(a.BundleFile(), s.bundle, 0o644)
}

// due tells whether less than a third of a certificate's life is left.
func due(c *x509.Certificate, now time.Time) bool {
	return now.Add(c.NotAfter.Sub(c.NotBefore) / 3).After(c.NotAfter)
}

func trusted(leaf *x509.Certificate, authorities []*x509.Certificate, now time.Time) bool {
	roots := x509.NewCertPool()
	for _, c := range authorities {
		roots.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: now})
	return err == nil
}

// normalNames are names as a certificate holds them: addresses in their one
// spelling, sorted, without repeats.
func normalNames(names []string) []string {
	var all []string
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			all = append(all, ip.String())
		} else {
			all = append(all, strings.ToLower(n))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func namesOf(c *x509.Certificate) []string {
	all := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	return normalNames(all)
}
