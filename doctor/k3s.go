package doctor

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// registriesYAML is what of K3s' and RKE2's registries.yaml decides where
// images come from.
type registriesYAML struct {
	Mirrors map[string]struct {
		Endpoints []string `yaml:"endpoint"`
	} `yaml:"mirrors"`
}

func parseRegistriesYAML(raw []byte) (registriesYAML, error) {
	var r registriesYAML
	err := yaml.Unmarshal(raw, &r)
	return r, err
}

// noFallback is the server's and agent's setting without which the registry
// itself is asked after all endpoints. It holds for listed registries only.
const noFallback = "disable-default-registry-endpoint"

const k3sMend = "list it under mirrors with the gate as its only endpoint, and set " + noFallback + ": true in config.yaml of every server and agent"

// k3sEngines reads the two distributions' files.
func k3sEngines(e *exam) []Engine {
	if e.K3s != "" {
		return []Engine{e.k3sEngine("K3s or RKE2", path.Dir(e.K3s), e.K3s)}
	}
	if !e.all {
		return nil
	}
	var list []Engine
	for _, d := range []struct{ name, dir, program string }{
		{"K3s", "/etc/rancher/k3s", "/usr/local/bin/k3s"}, {"RKE2", "/etc/rancher/rke2", "/usr/local/bin/rke2"},
	} {
		if e.files.has(d.dir+"/registries.yaml", d.program) {
			list = append(list, e.k3sEngine(d.name, d.dir, d.dir+"/registries.yaml"))
		}
	}
	return list
}

func (e *exam) k3sEngine(name, dir, file string) Engine {
	out := Engine{Name: name}
	var conf registriesYAML
	raw, err := e.files.read(file)
	if err == nil {
		out.Files = []string{file}
		conf, err = parseRegistriesYAML(raw)
	} else if missing(err) && e.K3s == "" {
		err = nil
	}
	if err != nil {
		out.Faults = append(out.Faults, fmt.Sprintf("%s: %s", file, oneLine(err.Error())))
		return out
	}
	closed := e.noFallback(&out, dir)
	var configured []string
	for registry := range maps.Keys(conf.Mirrors) {
		if registry != AnyOther {
			configured = append(configured, registry)
		}
	}
	for _, registry := range e.registries(configured) {
		r := Route{Registry: registry, Mend: k3sMend}
		m, listed := conf.Mirrors[registry]
		if !listed && registry != AnyOther {
			m = conf.Mirrors[AnyOther]
		}
		r.Sources = slices.Clone(m.Endpoints)
		if len(m.Endpoints) > 0 {
			r.File = file
		}
		if !closed || len(m.Endpoints) == 0 {
			r.Sources = append(r.Sources, place(registry))
			if len(m.Endpoints) > 0 {
				r.Why = noFallback + " is not set: the registry itself is asked after the gate"
			}
		}
		out.Routes = append(out.Routes, e.judge(r))
	}
	return out
}

// noFallback looks for the setting in config.yaml, its drop-ins and the units
// that start the services.
func (e *exam) noFallback(out *Engine, dir string) bool {
	read := []string{path.Join(dir, "config.yaml")}
	names, _ := e.files.list(path.Join(dir, "config.yaml.d"), ".yaml")
	for _, n := range names {
		read = append(read, path.Join(dir, "config.yaml.d", n))
	}
	set := false
	for _, f := range read {
		raw, err := e.files.read(f)
		if missing(err) {
			continue
		}
		out.Files = append(out.Files, f)
		var conf map[string]any
		if err == nil {
			err = yaml.Unmarshal(raw, &conf)
		}
		if err != nil {
			out.Faults = append(out.Faults, fmt.Sprintf("%s: %s", f, oneLine(err.Error())))
			continue
		}
		if v, ok := conf[noFallback]; ok {
			set, _ = strconv.ParseBool(fmt.Sprint(v))
		}
	}
	for _, unit := range []string{"k3s", "k3s-agent", "rke2-server", "rke2-agent"} {
		if !strings.Contains(dir, unit[:3]) {
			continue
		}
		for _, at := range []string{"/etc/systemd/system/", "/usr/local/lib/systemd/system/"} {
			raw, err := e.files.read(at + unit + ".service")
			if err == nil && strings.Contains(string(raw), "--"+noFallback) && !strings.Contains(string(raw), noFallback+"=false") {
				out.Files = append(out.Files, at+unit+".service")
				set = true
			}
		}
	}
	return set
}
