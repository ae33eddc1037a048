package certs

import (
	"crypto/x509"
	"net"
	"slices"
	"strings"
	"time"
)

// renew makes what is missing and replaces what is due, in an order in which
// every leaf served is signed by an authority that was published long enough.
// It changes nothing but s.
func (a *Authority) renew(s *state) error {
	now := a.cfg.Now()
	if s.authority.key == nil || now.After(s.authority.certs[0].NotAfter) {
		// None yet, or the gate was away so long that nobody trusts it any more.
		made, err := newAuthority(now, a.cfg.AuthorityLife)
		if err != nil {
			return err
		}
		s.authority = made
		a.cfg.Logger.Info("made an authority for the webhook", "file", a.BundleFile())
	}
	fresh := s.authority.certs[0]
	switch leaf := s.leaf; {
	case leaf.key == nil, !trusted(leaf.certs[0], s.authority.certs, now):
		// None, or not ours: nothing to lose.
	case due(leaf.certs[0], now), !slices.Equal(namesOf(leaf.certs[0]), normalNames(a.cfg.Names)):
	case a.signs(s, now) && leaf.certs[0].CheckSignatureFrom(fresh) != nil:
	default:
		return a.renewAuthority(s, now)
	}
	issuer, ok := a.issuer(s, now)
	if !ok {
		if s.leaf.key != nil && now.Before(s.leaf.certs[0].NotAfter) {
			// Due, or of other names, but there is time: a leaf by an authority
			// that nobody has heard of would serve nobody.
			return a.renewAuthority(s, now)
		}
		issuer = s.authority
	}
	made, err := newLeaf(issuer, a.cfg.Names, now, a.cfg.LeafLife)
	if err != nil {
		return err
	}
	s.leaf = made
	return a.renewAuthority(s, now)
}

// signs tells whether the newest authority may sign: it is the only one, or it
// has been published for long enough.
func (a *Authority) signs(s *state, now time.Time) bool {
	fresh := s.authority.certs[0]
	switch {
	case len(s.authority.certs) == 1:
		return true
	case a.cfg.Publisher == nil:
		return now.Sub(fresh.NotBefore.Add(skew)) >= a.cfg.Overlap
	}
	return s.announced.Authority == s.newest() && now.Sub(s.announced.Since) >= a.cfg.Overlap
}

// issuer is the authority that signs now: the newest that has been published
// long enough. ok is false where there is none.
func (a *Authority) issuer(s *state, now time.Time) (_ pair, ok bool) {
	if a.signs(s, now) {
		return s.authority, true
	}
	old := s.previous
	known := old.key != nil && now.Before(old.certs[0].NotAfter) && slices.ContainsFunc(s.authority.certs, old.certs[0].Equal)
	return old, known
}

// renewAuthority replaces the authority when it is due, and forgets those that
// ended; the newest has not. The one before signs until the new one may.
func (a *Authority) renewAuthority(s *state, now time.Time) error {
	living := slices.DeleteFunc(slices.Clone(s.authority.certs), func(c *x509.Certificate) bool { return now.After(c.NotAfter) })
	// One that is not published yet is never replaced: the one before it could
	// be published no more when its turn to sign comes.
	if due(living[0], now) && a.signs(s, now) {
		made, err := newAuthority(now, a.cfg.AuthorityLife)
		if err != nil {
			return err
		}
		s.previous = pair{s.authority.key, living[:1]}
		living = append(made.certs, living...)
		s.authority.key = made.key
		if a.cfg.Publisher == nil {
			a.cfg.Logger.Warn("made a new authority for the webhook: give the cluster the new caBundle", "file", a.BundleFile(), "within", a.cfg.Overlap)
		}
	}
	s.authority.certs = living
	s.bundle = encodeCerts(living)
	return nil
}

// due tells whether less than a third of a certificate's life is left.
func due(c *x509.Certificate, now time.Time) bool {
	life := c.NotAfter.Sub(c.NotBefore) - skew
	return now.Add(life / 3).After(c.NotAfter)
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
