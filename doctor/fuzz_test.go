package doctor

import (
	"strings"
	"testing"
)

// FuzzConfigurations gives every reader what an engine might be configured by.
// None may crash, nor call a file safe that does not name the gate.
func FuzzConfigurations(f *testing.F) {
	for _, seed := range []string{
		closed, open, cri1, cri2, "", "version = 3\nimports = [\"/c/*\"]", `{"registry-mirrors": ["https://gate.example.com"]}`,
		"[[registry]]\nprefix = \"*.io\"\nlocation = \"gate.example.com/x\"\n[[registry.mirror]]\nlocation = \"\"",
		"[registries.search]\nregistries = ['docker.io', 1]", "[registry.\"docker.io\"]\nmirrors = [\"gate.example.com\"]",
		"mirrors:\n  \"*\":\n    endpoint: [\"https://gate.example.com\"]", "disable-default-registry-endpoint: true", "server = 3", "host = 1",
	} {
		f.Add(seed)
	}
	e, err := newExam(Options{Gates: []string{"gate.example.com"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		raw := []byte(text)
		var routes []Route
		routes = append(routes, e.hostsRoute("docker.io", "hosts.toml", raw))
		if doc, err := parseContainerd(raw); err == nil {
			var c criRegistry
			c.add(doc)
			routes = append(routes, e.oldMirrors(Engine{}, "config.toml", c.mirrors).Routes...)
		}
		var conf registriesConf
		if err := conf.add("registries.conf", raw); err == nil {
			routes = append(routes, e.prefixRoute(conf, "docker.io"), e.prefixRoute(conf, AnyOther))
		}
		_, _ = parseDaemonJSON(raw)
		_, _ = parseBuildKit(raw)
		_, _ = parseRegistriesYAML(raw)
		for _, route := range routes {
			gated := len(route.Sources) > 0
			for _, s := range route.Sources {
				gated = gated && strings.Contains(strings.ToLower(s), "gate.example.com")
			}
			if route.Outcome == "" || route.Outcome == Gated && !gated {
				t.Fatalf("%+v of:\n%s", route, text)
			}
		}
	})
}
