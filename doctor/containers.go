package doctor

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// registriesTOML is registries.conf, version 2; see containers-registries.conf(5).
type registriesTOML struct {
	Search     []string `toml:"unqualified-search-registries"`
	Registries any      `toml:"registries"` // a table in version 1
	Registry   []struct {
		Prefix   string `toml:"prefix"`
		Location string `toml:"location"`
		Blocked  bool   `toml:"blocked"`
		Mirrors  []struct {
			Location string `toml:"location"`
		} `toml:"mirror"`
	} `toml:"registry"`
}

// prefixed is what one prefix of image names means.
type prefixed struct {
	sources []string
	blocked bool
	file    string
}

// registriesConf is all files together: a later file's prefix replaces an
// earlier one's.
type registriesConf struct {
	prefixes map[string]prefixed
	search   []string
}

func (c *registriesConf) add(file string, raw []byte) error {
	var doc registriesTOML
	if err := toml.Unmarshal(raw, &doc); err != nil {
		return err
	}
	if c.prefixes == nil {
		c.prefixes = map[string]prefixed{}
	}
	if doc.Search != nil {
		c.search = doc.Search
	}
	c.addVersion1(file, doc.Registries)
	for _, r := range doc.Registry {
		name := r.Prefix
		if name == "" {
			name = r.Location
		}
		if name == "" {
			return fmt.Errorf("a [[registry]] has neither prefix nor location")
		}
		p := prefixed{file: file, blocked: r.Blocked}
		for _, m := range r.Mirrors {
			p.sources = append(p.sources, m.Location)
		}
		last := r.Location
		if last == "" {
			last = strings.TrimPrefix(name, "*.")
		}
		p.sources = append(p.sources, last)
		c.prefixes[strings.ToLower(name)] = p
	}
	return nil
}

// addVersion1 reads the old form, which knows no mirrors.
func (c *registriesConf) addVersion1(file string, table any) {
	for kind, blocked := range map[string]bool{"search": false, "block": true} {
		section, _ := table.(map[string]any)
		of, _ := section[kind].(map[string]any)
		names, _ := of["registries"].([]any)
		for _, n := range names {
			if name, ok := n.(string); ok && name != "" {
				if blocked {
					c.prefixes[strings.ToLower(name)] = prefixed{blocked: true, file: file}
				} else {
					c.search = append(c.search, name)
				}
			}
		}
	}
}

// of returns what a registry, or a prefix of names, means: the longest prefix
// that matches counts.
func (c *registriesConf) of(name string) (prefixed, bool) {
	best, length := prefixed{}, 0
	host, _, _ := strings.Cut(name, "/")
	for prefix, p := range c.prefixes {
		match := name == prefix || strings.HasPrefix(name, prefix+"/")
		if wild, ok := strings.CutPrefix(prefix, "*"); ok {
			match = strings.HasSuffix(host, wild)
		}
		if match && len(prefix) > length {
			best, length = p, len(prefix)
		}
	}
	return best, length > 0
}

const containersMend = `rewrite instead of mirroring: [[registry]] with prefix = "%s" and location = "GATE/%[1]s", and no mirror; after a mirror's denial the location is asked`

// containersEngines reads registries.conf of the system, and of people who
// have one of their own, which replaces it.
func containersEngines(e *exam) []Engine {
	const name, system = "Podman, CRI-O, Buildah, Skopeo", "/etc/containers/registries.conf"
	if e.Containers != "" {
		return []Engine{e.containersEngine(name, e.Containers, e.Containers+".d")}
	}
	if !e.all {
		return nil
	}
	var list []Engine
	if e.files.has(system, system+".d", "/usr/bin/podman", "/usr/bin/crio", "/usr/bin/buildah", "/usr/bin/skopeo") {
		list = append(list, e.containersEngine(name, system, system+".d"))
	}
	for _, home := range e.files.homes() {
		own := path.Join(home, ".config/containers/registries.conf")
		if e.files.has(own, own+".d") {
			list = append(list, e.containersEngine(name+" of "+path.Base(home), own, own+".d"))
		}
	}
	return list
}

func (e *exam) containersEngine(name, file, dir string) Engine {
	out := Engine{Name: name}
	var conf registriesConf
	read := []string{file}
	names, err := e.files.list(dir, ".conf")
	if err != nil {
		out.Faults = append(out.Faults, err.Error())
	}
	for _, n := range names {
		read = append(read, path.Join(dir, n))
	}
	for _, f := range read {
		raw, err := e.files.read(f)
		if missing(err) && (f == file && file != e.Containers) {
			continue
		}
		if err == nil {
			out.Files = append(out.Files, f)
			err = conf.add(f, raw)
		}
		if err != nil {
			// These engines refuse to pull with a file that they cannot read.
			out.Faults = append(out.Faults, fmt.Sprintf("%s: %s", f, oneLine(err.Error())))
		}
	}
	if len(out.Faults) > 0 {
		return out
	}
	configured := slices.Sorted(maps.Keys(conf.prefixes))
	for _, s := range conf.search {
		if s = strings.ToLower(s); !slices.Contains(configured, s) {
			configured = append(configured, s)
		}
	}
	for _, registry := range e.registries(configured) {
		out.Routes = append(out.Routes, e.prefixRoute(conf, registry))
	}
	return out
}

func (e *exam) prefixRoute(conf registriesConf, registry string) Route {
	r := Route{Registry: registry, Mend: fmt.Sprintf(containersMend, registry)}
	if registry == AnyOther {
		r.Sources = []string{place(registry)}
		r.Mend = "these engines have no setting for all other registries: list each one that is used, or close the machine's network to registries (then: --egress-blocked)"
		return e.judge(r)
	}
	p, ok := conf.of(registry)
	r.File = p.file
	switch {
	case p.blocked:
		r.Outcome, r.Mend = Blocked, ""
		return r
	case !ok:
		r.Sources = []string{place(registry)}
	default:
		r.Sources = p.sources
	}
	return e.judge(r)
}
