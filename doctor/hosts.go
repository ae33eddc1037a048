package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// hostsTOML is what of containerd's hosts.toml decides where images come from.
type hostsTOML struct {
	Server       string              `toml:"server"`
	Capabilities []string            `toml:"capabilities"`
	Host         map[string]hostTOML `toml:"host"`
}

type hostTOML struct {
	Capabilities []string `toml:"capabilities"`
}

// hosts is a hosts.toml read: where content may be taken from.
type hosts struct {
	sources []string // of [host."…"], sorted
	server  string   // asked last; empty for the registry itself
	asks    bool     // the server may be pulled from
}

// parseHosts reads a hosts.toml as containerd does. What containerd refuses is
// an error; containerd itself then goes on as if there were no such file.
func parseHosts(raw []byte) (hosts, error) {
	var doc hostsTOML
	if err := toml.Unmarshal(raw, &doc); err != nil {
		return hosts{}, err
	}
	asks, err := pulls(doc.Capabilities)
	if err != nil {
		return hosts{}, err
	}
	h := hosts{server: doc.Server, asks: asks}
	for at, host := range doc.Host {
		pull, err := pulls(host.Capabilities)
		if err != nil {
			return hosts{}, err
		}
		// Who may only resolve tells a digest, and hands out nothing.
		if pull {
			h.sources = append(h.sources, at)
		}
	}
	slices.Sort(h.sources)
	return h, nil
}

// pulls tells whether a host with these capabilities is asked for content.
func pulls(capabilities []string) (bool, error) {
	pull := len(capabilities) == 0
	for _, c := range capabilities {
		switch strings.ToLower(c) {
		case "pull":
			pull = true
		case "resolve", "push", "referrers":
		default:
			return false, fmt.Errorf("containerd knows no capability %q", c)
		}
	}
	return pull, nil
}

const hostsMend = `give it server = "https://GATE", the gate itself: containerd asks the server after all hosts`

// hostsRoute is the route of a registry by the hosts.toml in dir.
func (e *exam) hostsRoute(registry, file string, raw []byte) Route {
	r := Route{Registry: registry, File: file, Mend: hostsMend}
	h, err := parseHosts(raw)
	if err != nil {
		r.Outcome, r.Sources = Direct, []string{place(registry)}
		r.Why = "containerd ignores this file, because it cannot read it, and asks the registry itself: " + oneLine(err.Error())
		r.Mend = "mend the file"
		return r
	}
	r.Sources = h.sources
	if h.asks {
		if h.server == "" {
			r.Why = "it has no server, and containerd asks the registry itself after the gate"
			h.server = place(registry)
		}
		r.Sources = append(r.Sources, h.server)
	}
	if len(r.Sources) == 0 {
		r.Outcome, r.Why, r.Mend = Blocked, "no host may be pulled from", ""
		return r
	}
	return e.judge(r)
}

// hostDirs are the folders in which containerd looks for a registry, in order.
func hostDirs(roots []string, registry string) []string {
	var dirs []string
	for _, root := range roots {
		if registry != AnyOther {
			if i := strings.LastIndex(registry, ":"); i > 0 {
				dirs = append(dirs, root+"/"+registry[:i]+"_"+registry[i+1:]+"_")
			}
			dirs = append(dirs, root+"/"+registry)
		}
		dirs = append(dirs, root+"/_default")
	}
	return dirs
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
