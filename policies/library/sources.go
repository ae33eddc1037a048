package library

import (
	"errors"
	"time"

	"github.com/sallyport-dev/sallyport/policies/bundle"
)

// Source is one place that policies come from, and how that goes.
type Source struct {
	Shelf    Shelf     `json:"shelf"`
	Place    string    `json:"place"`
	Revision string    `json:"revision,omitempty"` // of the bundle in force
	KeyID    string    `json:"key_id,omitempty"`   // that its signature names
	Policies int       `json:"policies"`           // in force
	Fetched  time.Time `json:"fetched,omitzero"`   // when what is in force of a bundle was fetched
	Checked  time.Time `json:"checked,omitzero"`   // when it was last found to be what is there
	Fault    string    `json:"fault,omitempty"`    // why the last look failed, and the last good policies stay in force

	retry time.Duration // that a server asked for
}

// Sources lists the folder and the bundles, where there are any.
func (l *Library) Sources() []Source {
	all := []Source{}
	if l.cfg.Folder != "" {
		s := Source{Shelf: Folder, Place: l.cfg.Folder}
		for _, e := range l.current.Load().shelf {
			if e.Shelf == Folder {
				s.Policies++
			}
		}
		if err := l.Err(); err != nil {
			s.Fault = err.Error()
		}
		all = append(all, s)
	}
	for _, s := range l.supplies {
		all = append(all, *s.status.Load())
	}
	return all
}

func (l *Library) succeeded(s *supply, c bundle.Contents, fetched time.Time) {
	l.mended(s)
	s.status.Store(statusOf(s, c, fetched))
	l.metrics.looked(s.source.Name(), "new", fetched)
}

func statusOf(s *supply, c bundle.Contents, fetched time.Time) *Source {
	return &Source{
		Shelf: Bundle, Place: s.source.Name(), Revision: c.Revision, KeyID: c.KeyID, Policies: len(c.Policies),
		Fetched: fetched.UTC(), Checked: fetched.UTC(),
	}
}

func (l *Library) unchanged(s *supply) {
	l.mended(s)
	now := *s.status.Load()
	now.Checked, now.Fault, now.retry = l.now().UTC(), "", 0
	s.status.Store(&now)
	l.metrics.looked(s.source.Name(), "unchanged", now.Checked)
}

func (l *Library) mended(s *supply) {
	if was := s.status.Load(); was.Fault != "" {
		l.log.Info("the bundle of policies can be had again", "bundle", s.source.Name())
	}
}

func (l *Library) failed(s *supply, err error) {
	was := s.status.Load()
	if was.Fault != err.Error() {
		l.log.Error("the last good bundle of policies stays in force", "bundle", s.source.Name(), "revision", was.Revision, "error", err)
	}
	now := *was
	now.Fault, now.retry = err.Error(), 0
	if retry := new(bundle.RetryError); errors.As(err, &retry) {
		now.retry = retry.After
	}
	s.status.Store(&now)
	l.metrics.looked(s.source.Name(), "failed", l.now())
}
