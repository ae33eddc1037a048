package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Outcome is what becomes of pulls from one registry.
type Outcome string

// The outcomes, from the best to the worst.
const (
	Gated     Outcome = "gated"      // the gate is the only source
	Blocked   Outcome = "blocked"    // the engine pulls nothing from there
	Held      Outcome = "held"       // would leave the gate, but the network does not let it
	FallsBack Outcome = "falls back" // the gate is asked, and passed over when it denies
	Direct    Outcome = "direct"     // the gate is not asked
)

// Route is what an engine does with the images of one registry.
type Route struct {
	Registry string   `json:"registry"` // host, a prefix of names, or AnyOther
	Outcome  Outcome  `json:"outcome"`
	Sources  []string `json:"sources,omitempty"` // where the engine asks, in the order in which it does
	File     string   `json:"file,omitempty"`    // what says so; empty for the engine's default
	Why      string   `json:"why,omitempty"`
	Mend     string   `json:"mend,omitempty"`
}

// AnyOther stands for every registry that the configuration does not name.
const AnyOther = "*"

// Engine is one engine's configuration, read.
type Engine struct {
	Name   string   `json:"name"`
	Files  []string `json:"files"` // read, in order
	Routes []Route  `json:"routes"`
	Notes  []string `json:"notes,omitempty"`
	Faults []string `json:"faults,omitempty"` // what could not be read, and so is not known
}

// Report is everything that was found out.
type Report struct {
	Gates   []GateState `json:"gates"`
	Engines []Engine    `json:"engines"`
	Verdict Verdict     `json:"verdict"`
}

// Verdict is the report in one word.
type Verdict string

// The verdicts.
const (
	Safe    Verdict = "safe"    // no engine gets past the gate
	Bypass  Verdict = "bypass"  // at least one can
	Unknown Verdict = "unknown" // something could not be read or asked
)

// Options say what to examine.
type Options struct {
	Gates      []string // names of the gate as engines write them: host:port or URL; at least one
	Registries []string // to tell of; empty for Registries() and all others
	Root       string   // folder that holds the machine's files; empty for /
	// Held says that the machine's network lets no engine reach a registry but
	// through the gate.
	Held bool
	// Ask the gates whether they are there and are gates.
	Probe bool
	// Files to read instead of looking at the usual paths, below Root.
	Docker, Containerd, Containers, BuildKit, K3s string
}

// Registries are the ones that are told of when none is asked for.
func Registries() []string {
	return []string{"docker.io", "ghcr.io", "quay.io", "registry.k8s.io", "gcr.io", "public.ecr.aws", "mcr.microsoft.com"}
}

// ErrNothing is the error when there is no engine to examine.
var ErrNothing = errors.New("no engine's configuration is at its usual path: name one with --docker, --containerd, --containers, --buildkit or --k3s")

// Examine reads the configurations. An error means that there was nothing to
// examine or that the options are wrong; what cannot be read is in the report.
func Examine(ctx context.Context, o Options) (Report, error) {
	e, err := newExam(o)
	if err != nil {
		return Report{}, err
	}
	var r Report
	for _, read := range []func(*exam) []Engine{dockerEngine, containerdEngine, containersEngines, buildkitEngines, k3sEngines} {
		r.Engines = append(r.Engines, read(e)...)
	}
	if len(r.Engines) == 0 {
		return r, ErrNothing
	}
	if o.Probe {
		for _, g := range e.gates {
			r.Gates = append(r.Gates, probe(ctx, g))
		}
		if r.Gates[0].Scheme == "http" {
			clearText(r.Engines, e.gates[0].host)
		}
	}
	if o.Held {
		for i := range r.Engines {
			hold(r.Engines[i].Routes)
		}
	}
	r.Verdict = verdict(r)
	return r, nil
}

// clearText has the ways out name a gate that does not speak TLS as engines
// reach it.
func clearText(engines []Engine, gate string) {
	as := strings.NewReplacer(
		"https://"+gate, "http://"+gate,
		", and no mirror;", ", insecure = true, and no mirror;", // of registries.conf
	)
	for _, e := range engines {
		for i := range e.Routes {
			e.Routes[i].Mend = as.Replace(e.Routes[i].Mend)
		}
	}
}

func hold(routes []Route) {
	for i, r := range routes {
		if r.Outcome == FallsBack || r.Outcome == Direct {
			routes[i].Outcome, routes[i].Mend = Held, "keep the network closed: the configuration alone would not hold"
		}
	}
}

func verdict(r Report) Verdict {
	v := Safe
	for _, g := range r.Gates {
		switch {
		case !g.Reachable:
			v = Unknown
		case !g.Gate:
			return Bypass
		}
	}
	for _, e := range r.Engines {
		for _, route := range e.Routes {
			if route.Outcome == FallsBack || route.Outcome == Direct {
				return Bypass
			}
		}
		if len(e.Faults) > 0 {
			v = Unknown
		}
	}
	return v
}

// exam is one examination under way.
type exam struct {
	Options
	gates []gate
	files files
	all   bool // nothing was named: look at the usual paths
}

func newExam(o Options) (*exam, error) {
	e := &exam{Options: o, files: files{o.Root}}
	e.all = o.Docker+o.Containerd+o.Containers+o.BuildKit+o.K3s == ""
	if len(o.Gates) == 0 {
		return nil, errors.New("say under which name engines know the gate: --gate host:port")
	}
	for _, name := range o.Gates {
		g, err := parseGate(name)
		if err != nil {
			return nil, err
		}
		e.gates = append(e.gates, g)
	}
	return e, e.files.check()
}

// registries are those to tell of: the ones asked for, or the usual, the
// configured and all others.
func (e *exam) registries(configured []string) []string {
	if len(e.Registries) > 0 {
		return e.Registries
	}
	list := Registries()
	slices.Sort(configured)
	for _, c := range configured {
		if !slices.Contains(list, c) && !e.isGate(c) {
			list = append(list, c)
		}
	}
	return append(list, AnyOther)
}

// judge fills in the outcome of a route from its sources, and the gate's name
// in what would mend it.
func (e *exam) judge(r Route) Route {
	r.Mend = strings.ReplaceAll(r.Mend, "GATE", e.gates[0].host)
	var through, past []string
	for _, s := range r.Sources {
		if e.isGate(s) {
			through = append(through, s)
		} else {
			past = append(past, s)
		}
	}
	switch {
	case len(through) == 0:
		r.Outcome = Direct
		if r.Why == "" {
			r.Why = "the gate is not asked"
		}
	case len(past) == 0:
		r.Outcome, r.Mend = Gated, ""
	default:
		r.Outcome = FallsBack
		if r.Why == "" {
			r.Why = "what the gate denies is taken from " + strings.Join(past, ", ")
		}
	}
	if r.Outcome == Gated {
		r.Why = ""
	}
	return r
}

// place is how a source is shown for a registry itself.
func place(registry string) string {
	switch registry {
	case "docker.io":
		return "registry-1.docker.io"
	case AnyOther:
		return "the registry itself"
	}
	return registry
}
