package policies

import (
	"slices"
	"time"

	"github.com/sallyport-dev/sallyport/policies/scope"
)

// acknowledged is in without the risks that somebody has accepted, and the
// acceptances that took something out. in itself stays as it is.
func (in *Input) acknowledged(now time.Time) (*Input, []Acknowledgement) {
	var used []Acknowledgement
	rest := *in
	for _, a := range in.Acknowledged {
		if !a.Expires.IsZero() && !now.Before(a.Expires) {
			continue
		}
		before := len(rest.Vulnerabilities.Items) + len(rest.Malware.Items) + len(rest.Secrets.Items)
		switch a.Type {
		case "vulnerability":
			rest.Vulnerabilities.Items = without(rest.Vulnerabilities.Items, func(v Vulnerability) bool {
				return a.covers(v.ID, v.Path) && covers(a.Package, v.Package) && covers(a.Version, v.Version) && a.Hash == ""
			})
		case "malware":
			rest.Malware.Items = without(rest.Malware.Items, func(m MalwareFile) bool {
				return a.covers(m.Name, m.Path) && covers(a.Hash, m.Hash) && a.Package == "" && a.Version == ""
			})
		case "sensitive_data":
			rest.Secrets.Items = without(rest.Secrets.Items, func(s Secret) bool {
				return a.covers(s.Type, s.Path) && a.Package == "" && a.Version == "" && a.Hash == ""
			})
		}
		if len(rest.Vulnerabilities.Items)+len(rest.Malware.Items)+len(rest.Secrets.Items) < before {
			used = append(used, a)
		}
	}
	return &rest, used
}

func (a *Acknowledgement) covers(name, path string) bool {
	return covers(a.Name, name) && covers(a.Path, path)
}

func covers(pattern, value string) bool { return pattern == "" || scope.MatchPattern(pattern, value) }

// without copies: the facts of an image are shared.
func without[T any](all []T, drop func(T) bool) []T {
	if !slices.ContainsFunc(all, drop) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), drop)
}
