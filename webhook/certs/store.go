package certs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"time"
)

// Files are the certificates as they are kept: contents by name.
type Files map[string][]byte

// Store keeps files where all who serve with them find them. It is safe for
// concurrent use, also by other processes.
type Store interface {
	// Update calls change with what is kept, and keeps all that it returns, or
	// nothing. Returning what was given, or nil, changes nothing. When somebody
	// else was faster it starts again, so that change may be called repeatedly.
	Update(ctx context.Context, change func(kept Files) (Files, error)) error
}

// Publisher tells clusters which authorities to trust. It is safe for
// concurrent use.
type Publisher interface {
	// Publish returns when every cluster that asks the webhook has been told to
	// trust bundle (PEM), or why one could not be.
	Publish(ctx context.Context, bundle []byte) error
}

// announcement says since when the newest authority has been published.
type announcement struct {
	Authority string    `json:"authority"` // SHA-256 of the certificate, in hexadecimal
	Since     time.Time `json:"since"`
}

// read reads the files. What is not there yet stays zero; what cannot be read
// is an error, since making it anew would lock out clusters that trust the old.
func read(kept Files) (state, error) {
	var s state
	b, ok := kept[authorityName]
	if !ok {
		return s, nil // a leaf without its authority is of no use
	}
	var err error
	if s.authority, err = readPair(authorityName, b); err != nil {
		return s, err
	}
	if b, ok := kept[previousName]; ok {
		if s.previous, err = readPair(previousName, b); err != nil {
			return s, err
		}
	}
	if b, ok := kept[leafName]; ok {
		if s.leaf, err = readPair(leafName, b); err != nil {
			return s, err
		}
	}
	if b, ok := kept[announcedName]; ok {
		if err := json.Unmarshal(b, &s.announced); err != nil {
			return s, fmt.Errorf("%s: %w: delete it", announcedName, err)
		}
	}
	return s, nil
}

func readPair(name string, b []byte) (pair, error) {
	p, err := parsePair(b)
	if err != nil {
		return pair{}, fmt.Errorf("%s: %w: restore it from a backup, or delete it and give the cluster the new caBundle", name, err)
	}
	return p, nil
}

// files is what is to be kept of s, where kept is now.
func (s *state) files(kept Files) (Files, error) {
	authority, err := s.authority.encode()
	if err != nil {
		return nil, err
	}
	leaf, err := s.leaf.encode()
	if err != nil {
		return nil, err
	}
	next := maps.Clone(kept)
	if next == nil {
		next = Files{}
	}
	next[bundleName], next[authorityName], next[leafName] = s.bundle, authority, leaf
	if s.previous.key != nil {
		if next[previousName], err = s.previous.encode(); err != nil {
			return nil, err
		}
	}
	if s.announced.Authority != "" {
		if next[announcedName], err = json.Marshal(s.announced); err != nil {
			return nil, fmt.Errorf("%s: %w", announcedName, err)
		}
	}
	if maps.EqualFunc(kept, next, bytes.Equal) {
		return nil, nil
	}
	return next, nil
}

// publish has the cluster trust all authorities in use, and remembers since when
// it trusts the newest.
func (a *Authority) publish(ctx context.Context) error {
	if a.cfg.Publisher == nil {
		a.published.Store(true)
		return nil
	}
	s := a.current.Load()
	if err := a.cfg.Publisher.Publish(ctx, s.bundle); err != nil {
		return err
	}
	a.published.Store(true)
	if newest := s.newest(); s.announced.Authority != newest {
		return a.announce(ctx, newest)
	}
	return nil
}

// announce remembers that newest is published as from now.
func (a *Authority) announce(ctx context.Context, newest string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var next state
	if err := a.store.Update(ctx, func(kept Files) (Files, error) {
		var err error
		if next, err = read(kept); err != nil {
			return nil, err
		}
		if next.authority.key == nil || next.leaf.key == nil || next.newest() != newest || next.announced.Authority == newest {
			return nil, nil // another replica was faster
		}
		next.bundle = encodeCerts(next.authority.certs)
		next.announced = announcement{newest, a.cfg.Now().UTC()}
		return next.files(kept)
	}); err != nil {
		return fmt.Errorf("the webhook's certificates: %w", err)
	}
	return nil // the next Refresh reads it
}

// newest identifies the authority that signs next.
func (s *state) newest() string {
	sum := sha256.Sum256(s.authority.certs[0].Raw)
	return hex.EncodeToString(sum[:])
}

// Published tells whether the cluster has been told whom to trust since the
// start, or need not be.
func (a *Authority) Published() bool { return a.cfg.Publisher == nil || a.published.Load() }
