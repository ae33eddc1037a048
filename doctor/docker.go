package doctor

import (
	"encoding/json"
	"fmt"
)

// daemonJSON is what of Docker's daemon.json decides where images come from.
type daemonJSON struct {
	Mirrors  []string `json:"registry-mirrors"`
	Insecure []string `json:"insecure-registries"`
}

func parseDaemonJSON(raw []byte) (daemonJSON, error) {
	var d daemonJSON
	if len(raw) == 0 {
		return d, nil // dockerd takes an empty file for none
	}
	err := json.Unmarshal(raw, &d)
	return d, err
}

const dockerMend = "no setting of Docker keeps it from the registry: name images through the gate (GATE/docker.io/library/nginx), and close the machine's network to registries (then: --egress-blocked)"

// dockerEngine reads daemon.json. Mirrors serve Docker Hub only, and the
// engine goes on to Hub after any error of a mirror.
func dockerEngine(e *exam) []Engine {
	file := e.Docker
	if file == "" {
		file = "/etc/docker/daemon.json"
		if !e.all || !e.files.has(file, "/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd") {
			return nil
		}
	}
	out := Engine{Name: "Docker"}
	raw, err := e.files.read(file)
	if err == nil {
		out.Files = []string{file}
	} else if missing(err) && e.Docker == "" {
		err, file = nil, ""
	}
	var d daemonJSON
	if err == nil {
		d, err = parseDaemonJSON(raw)
	}
	if err != nil {
		out.Faults = append(out.Faults, fmt.Sprintf("%s: %v", file, err))
		return []Engine{out}
	}
	for _, registry := range e.registries(nil) {
		r := Route{Registry: registry, Mend: dockerMend}
		if registry == "docker.io" {
			r.Sources, r.File = append(r.Sources, d.Mirrors...), file
		}
		r.Sources = append(r.Sources, place(registry))
		out.Routes = append(out.Routes, e.judge(r))
	}
	out.Notes = append(out.Notes, "mirrors given to dockerd by --registry-mirror are not seen here; it goes on to Docker Hub after them, too")
	return []Engine{out}
}
