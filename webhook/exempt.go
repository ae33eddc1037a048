package webhook

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gobwas/glob"
	admissionv1 "k8s.io/api/admission/v1"
	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/sallyport-dev/sallyport/policies"
)

// Exempt is who is never asked about. All are patterns: * stands for any text,
// ? for one character, {a,b} for either.
type Exempt struct {
	Namespaces      []string
	Users           []string // as the API server calls them: jane@example.com
	Groups          []string
	ServiceAccounts []string // namespace/name
}

// Mode is what happens to what the gate does not let pass.
type Mode string

// The modes.
const (
	Enforce Mode = "enforce" // it is denied (default)
	Audit   Mode = "audit"   // it is admitted with a warning
)

// Namespace is what holds in some namespaces alone.
type Namespace struct {
	Names   []string         // patterns
	Mode    Mode             // "" for Enforce
	Pending policies.Pending // what happens to images that wait for their analysis; "" for what the policies say
}

type patterns []*glob.Pattern

func (p patterns) match(s string) bool {
	return slices.ContainsFunc(p, func(g *glob.Pattern) bool { return g.Match(s) })
}

func compilePatterns(what string, texts []string) (patterns, error) {
	var all patterns
	var errs []error
	for _, text := range texts {
		g, err := glob.Compile(text)
		if err != nil || text == "" {
			errs = append(errs, fmt.Errorf("%s: %q is no pattern: write a name, with * for any text", what, text))
			continue
		}
		all = append(all, g)
	}
	return all, errors.Join(errs...)
}

type exempt struct{ namespaces, users, groups, accounts patterns }

const accountPrefix = "system:serviceaccount:"

// makers make the pods of everybody's workloads: who exempts one of them
// exempts all.
var makers = []string{"replicaset-controller", "daemon-set-controller", "statefulset-controller", "job-controller", "replication-controller"}

func (e Exempt) compile() (*exempt, error) {
	var c exempt
	var errs [5]error
	c.namespaces, errs[0] = compilePatterns("exempt.namespaces", e.Namespaces)
	c.users, errs[1] = compilePatterns("exempt.users", e.Users)
	c.groups, errs[2] = compilePatterns("exempt.groups", e.Groups)
	c.accounts, errs[3] = compilePatterns("exempt.service_accounts", e.ServiceAccounts)
	for _, name := range makers {
		if c.person(authenticationv1.UserInfo{
			Username: accountPrefix + "kube-system:" + name,
			Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"},
		}) {
			errs[4] = fmt.Errorf("exempt: the users, groups and service accounts include kube-system/%s, which makes the pods of everybody's workloads: no pod would be judged; name those who are to be exempt, or exempt the namespace kube-system", name)
			break
		}
	}
	return &c, errors.Join(errs[:]...)
}

// request tells whether req is not to be asked about.
func (e *exempt) request(req *admissionv1.AdmissionRequest) bool {
	return e.namespaces.match(req.Namespace) || e.person(req.UserInfo)
}

func (e *exempt) person(u authenticationv1.UserInfo) bool {
	if e.users.match(u.Username) || slices.ContainsFunc(u.Groups, e.groups.match) {
		return true
	}
	account, ok := strings.CutPrefix(u.Username, accountPrefix)
	return ok && e.accounts.match(strings.Replace(account, ":", "/", 1))
}

type namespace struct {
	names patterns
	Namespace
}

func compileNamespaces(all []Namespace) ([]namespace, error) {
	var out []namespace
	var errs []error
	for i, n := range all {
		key := fmt.Sprintf("namespaces[%d]", i)
		names, err := compilePatterns(key+".names", n.Names)
		errs = append(errs, err)
		if len(n.Names) == 0 {
			errs = append(errs, fmt.Errorf("%s.names: is empty: name the namespaces that it is for", key))
		}
		if !slices.Contains([]Mode{"", Enforce, Audit}, n.Mode) {
			errs = append(errs, fmt.Errorf("%s.mode: %q is neither %s nor %s", key, n.Mode, Enforce, Audit))
		}
		if !slices.Contains([]policies.Pending{"", policies.PendingHold, policies.PendingBlock, policies.PendingAllow}, n.Pending) {
			errs = append(errs, fmt.Errorf("%s.pending: %q is none of %s, %s, %s", key, n.Pending, policies.PendingHold, policies.PendingBlock, policies.PendingAllow))
		}
		out = append(out, namespace{names, n})
	}
	return out, errors.Join(errs...)
}

// rules are what holds in a namespace.
func (w *Webhook) rules(name string) Namespace {
	for _, n := range w.namespaces {
		if n.names.match(name) {
			return n.Namespace
		}
	}
	return Namespace{}
}
