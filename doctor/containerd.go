package doctor

import (
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// containerdTOML is what of containerd's config.toml decides where images
// come from. Version 2 keeps the registry under the CRI plugin, version 3
// under its images plugin.
type containerdTOML struct {
	Version  int      `toml:"version"`
	Imports  []string `toml:"imports"`
	Disabled []string `toml:"disabled_plugins"`
	Plugins  struct {
		V1   criTOML `toml:"cri"` // version 1
		CRI  criTOML `toml:"io.containerd.grpc.v1.cri"`
		CRI3 criTOML `toml:"io.containerd.cri.v1.images"`
	} `toml:"plugins"`
}

type criTOML struct {
	Registry struct {
		ConfigPath string `toml:"config_path"`
		Mirrors    map[string]struct {
			Endpoint []string `toml:"endpoint"`
		} `toml:"mirrors"`
	} `toml:"registry"`
}

func parseContainerd(raw []byte) (containerdTOML, error) {
	var c containerdTOML
	err := toml.Unmarshal(raw, &c)
	return c, err
}

// criRegistry is the registry part in force: later files win.
type criRegistry struct {
	configPath *string
	mirrors    map[string][]string
	disabled   bool
	version    int
}

func (c *criRegistry) add(doc containerdTOML) {
	c.version = max(c.version, doc.Version)
	for _, d := range doc.Disabled {
		if d == "cri" || d == "io.containerd.grpc.v1.cri" || d == "io.containerd.cri.v1.images" {
			c.disabled = true
		}
	}
	for _, plugin := range []criTOML{doc.Plugins.V1, doc.Plugins.CRI, doc.Plugins.CRI3} {
		if p := plugin.Registry.ConfigPath; p != "" {
			c.configPath = &p
		}
		for name, m := range plugin.Registry.Mirrors {
			if c.mirrors == nil {
				c.mirrors = map[string][]string{}
			}
			c.mirrors[name] = m.Endpoint
		}
	}
}

// maxImports bounds how deep files may import others.
const maxImports = 8

// containerdEngine reads config.toml with its imports, then the tree of
// hosts.toml files that it names; or that tree alone, when it is given.
func containerdEngine(e *exam) []Engine {
	out := Engine{Name: "containerd"}
	file := e.Containerd
	if file == "" {
		file = "/etc/containerd/config.toml"
		if !e.all || !e.files.has(file, "/etc/containerd/certs.d", "/usr/bin/containerd", "/usr/local/bin/containerd") {
			return nil
		}
	} else if f, err := e.files.open(file); err == nil {
		st, err := f.Stat()
		f.Close()
		if err == nil && st.IsDir() {
			return []Engine{e.hostTree(out, []string{file})}
		}
	}
	var c criRegistry
	if err := e.containerdFile(&out, &c, file, 0); err != nil && (!missing(err) || e.Containerd != "") {
		out.Faults = append(out.Faults, fmt.Sprintf("%s: %v", file, err))
		return []Engine{out}
	}
	switch {
	case c.disabled:
		out.Notes = append(out.Notes, "its Kubernetes interface (CRI) is off, so no kubelet pulls through it; ctr and nerdctl read the folder that --hosts-dir names: give it to --containerd")
		if e.Containerd == "" {
			return []Engine{out}
		}
	case c.configPath == nil && len(c.mirrors) > 0:
		return []Engine{e.oldMirrors(out, file, c.mirrors)}
	}
	return []Engine{e.hostTree(out, c.roots(e, &out))}
}

// roots are the folders with hosts.toml files.
func (c *criRegistry) roots(e *exam, out *Engine) []string {
	if c.configPath != nil {
		return filepath.SplitList(*c.configPath)
	}
	standard := []string{"/etc/containerd/certs.d", "/etc/docker/certs.d"}
	if c.version >= 3 {
		return standard // what containerd 2 looks at when it is not told
	}
	if e.files.has(standard[0]) {
		out.Notes = append(out.Notes, standard[0]+" is not read by containerd 1.x: set config_path of the plugin \"io.containerd.grpc.v1.cri\" to it")
	}
	return nil
}

func (e *exam) containerdFile(out *Engine, c *criRegistry, file string, depth int) error {
	raw, err := e.files.read(file)
	if err != nil {
		return err
	}
	out.Files = append(out.Files, file)
	doc, err := parseContainerd(raw)
	if err != nil {
		return err
	}
	c.add(doc)
	if depth == maxImports {
		return fmt.Errorf("imports more than %d deep", maxImports)
	}
	for _, pattern := range doc.Imports {
		if !path.IsAbs(pattern) {
			pattern = path.Join(path.Dir(file), pattern)
		}
		names, err := e.files.list(path.Dir(pattern), "")
		if err != nil {
			return err
		}
		for _, n := range names {
			if ok, err := path.Match(path.Base(pattern), n); err != nil || !ok {
				continue
			}
			if imported := path.Join(path.Dir(pattern), n); imported != file {
				if err := e.containerdFile(out, c, imported, depth+1); err != nil {
					return fmt.Errorf("%s: %w", imported, err)
				}
			}
		}
	}
	return nil
}

// hostTree tells of each registry by the hosts.toml that containerd would read.
func (e *exam) hostTree(out Engine, roots []string) Engine {
	var configured []string
	for _, root := range roots {
		names, err := e.files.list(root, "")
		if err != nil {
			out.Faults = append(out.Faults, err.Error())
		}
		for _, n := range names {
			if i := strings.LastIndex(strings.TrimSuffix(n, "_"), "_"); strings.HasSuffix(n, "_") && i > 0 {
				n = n[:i] + ":" + strings.TrimSuffix(n[i+1:], "_")
			}
			if n != "_default" {
				configured = append(configured, n)
			}
		}
	}
	for _, registry := range e.registries(slices.Compact(slices.Sorted(slices.Values(configured)))) {
		out.Routes = append(out.Routes, e.treeRoute(&out, roots, registry))
	}
	return out
}

func (e *exam) treeRoute(out *Engine, roots []string, registry string) Route {
	for _, dir := range hostDirs(roots, registry) {
		if !e.files.has(dir) {
			continue
		}
		file := dir + "/hosts.toml"
		raw, err := e.files.read(file)
		if err != nil && !missing(err) {
			out.Faults = append(out.Faults, fmt.Sprintf("%s: %v", file, err))
		}
		if len(raw) > 0 {
			if !slices.Contains(out.Files, file) {
				out.Files = append(out.Files, file)
			}
			return e.hostsRoute(registry, file, raw)
		}
		break // the folder holds certificates only
	}
	at := "certs.d"
	if len(roots) > 0 {
		at = roots[0]
	}
	name := registry
	if registry == AnyOther {
		name = "_default"
	}
	return e.judge(Route{Registry: registry, Sources: []string{place(registry)},
		Mend: fmt.Sprintf(`write %s/%s/hosts.toml with server = "https://GATE"`, at, name)})
}

// oldMirrors is the form before hosts.toml: containerd always adds the
// registry itself at the end.
func (e *exam) oldMirrors(out Engine, file string, mirrors map[string][]string) Engine {
	var configured []string
	for name := range maps.Keys(mirrors) {
		if name != AnyOther {
			configured = append(configured, name)
		}
	}
	for _, registry := range e.registries(configured) {
		endpoints, ok := mirrors[registry]
		if !ok {
			endpoints = mirrors[AnyOther]
		}
		out.Routes = append(out.Routes, e.judge(Route{
			Registry: registry, File: file, Sources: append(slices.Clone(endpoints), place(registry)),
			Mend: `registry.mirrors always ends at the registry itself: set config_path = "/etc/containerd/certs.d" and write hosts.toml files with server = "https://GATE"`,
		}))
	}
	return out
}
