package doctor

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/pelletier/go-toml/v2"
)

// buildkitTOML is what of buildkitd.toml decides where images come from.
type buildkitTOML struct {
	Registry map[string]struct {
		Mirrors []string `toml:"mirrors"`
	} `toml:"registry"`
}

func parseBuildKit(raw []byte) (buildkitTOML, error) {
	var b buildkitTOML
	err := toml.Unmarshal(raw, &b)
	return b, err
}

const buildkitMend = "no setting of BuildKit keeps it from the registry: name images through the gate (FROM GATE/docker.io/library/nginx), and close the builder's network to registries (then: --egress-blocked)"

// buildkitEngines reads buildkitd.toml of the system and of people's own
// daemons, and what docker buildx gives to its builders.
func buildkitEngines(e *exam) []Engine {
	const system = "/etc/buildkit/buildkitd.toml"
	if e.BuildKit != "" {
		return []Engine{e.buildkitEngine("BuildKit", e.BuildKit, true)}
	}
	if !e.all {
		return nil
	}
	var list []Engine
	if e.files.has(system, "/usr/bin/buildkitd", "/usr/local/bin/buildkitd") {
		list = append(list, e.buildkitEngine("BuildKit", system, false))
	}
	for _, home := range e.files.homes() {
		for _, own := range []string{".config/buildkit/buildkitd.toml", ".docker/buildx/buildkitd.default.toml"} {
			if file := path.Join(home, own); e.files.has(file) {
				list = append(list, e.buildkitEngine("BuildKit of "+path.Base(home), file, true))
			}
		}
	}
	return list
}

func (e *exam) buildkitEngine(name, file string, must bool) Engine {
	out := Engine{Name: name}
	raw, err := e.files.read(file)
	if err == nil {
		out.Files = []string{file}
	} else if missing(err) && !must {
		err = nil
	}
	var b buildkitTOML
	if err == nil {
		b, err = parseBuildKit(raw)
	}
	if err != nil {
		out.Faults = append(out.Faults, fmt.Sprintf("%s: %s", file, oneLine(err.Error())))
		return out
	}
	for _, registry := range e.registries(slices.Sorted(maps.Keys(b.Registry))) {
		r := Route{Registry: registry, Mend: buildkitMend}
		if conf, ok := b.Registry[registry]; ok {
			r.File, r.Sources = file, slices.Clone(conf.Mirrors)
		}
		r.Sources = append(r.Sources, place(registry))
		out.Routes = append(out.Routes, e.judge(r))
	}
	return out
}
