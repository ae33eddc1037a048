package responder

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// docker is an open Docker Engine API that agrees to everything.
type docker struct{}

// dockerPath takes a version away and names the endpoint. Docker Engine API
// v1.24 to v1.47.
var dockerPath = regexp.MustCompile(`^(/v1\.\d+)?/(_ping|version|info|events|containers|images|exec|networks|volumes|swarm|build)(/[^?]*)?$`)

func (docker) answer(r *request) *answer {
	m := dockerPath.FindStringSubmatch(r.URL.Path)
	if m == nil || m[1] == "" && !slices.Contains([]uint16{2375, 2376, 4243}, r.to.To.Port()) {
		return nil
	}
	endpoint := m[2] + m[3]
	a := dockerAnswer(r, endpoint)
	a.app = "docker"
	a.message = &message{kind: r.Method + " " + dockerKind(endpoint), fields: dockerFields(r, endpoint)}
	if a.header == nil {
		a.header = map[string]string{}
	}
	a.header["Server"] = "Docker/24.0.7 (linux)"
	a.header["Api-Version"] = "1.43"
	return a
}

// dockerKind is the endpoint without the names in it: containers/create,
// containers/start, exec/start.
func dockerKind(endpoint string) string {
	words := strings.Split(endpoint, "/")
	if len(words) > 2 {
		return words[0] + "/" + words[len(words)-1]
	}
	return endpoint
}

func dockerAnswer(r *request, endpoint string) *answer {
	id := dockerID(r)
	switch kind := dockerKind(endpoint); {
	case kind == "_ping":
		return text(http.StatusOK, "OK")
	case kind == "version":
		return jsonText(http.StatusOK, `{"Version":"24.0.7","ApiVersion":"1.43","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64","KernelVersion":"5.15.0-105-generic"}`)
	case kind == "info":
		return jsonText(http.StatusOK, `{"ID":"QWER:TYUI","Containers":0,"Images":1,"Driver":"overlay2","OSType":"linux","Architecture":"x86_64","NCPU":8,"MemTotal":33554432000,"Name":"node-7","ServerVersion":"24.0.7"}`)
	case kind == "images/create":
		return jsonText(http.StatusOK, `{"status":"Pulling from library"}`+"\n"+`{"status":"Status: Downloaded newer image"}`+"\n")
	case kind == "containers/create":
		return jsonText(http.StatusCreated, fmt.Sprintf(`{"Id":"%s","Warnings":[]}`, id))
	case kind == "exec/start" || kind == "containers/attach":
		return dockerStream(r)
	case kind == "containers/exec":
		return jsonText(http.StatusCreated, fmt.Sprintf(`{"Id":"%s"}`, id))
	case kind == "containers/wait":
		return jsonText(http.StatusOK, `{"StatusCode":0}`)
	case kind == "containers/logs":
		return text(http.StatusOK, "")
	case kind == "exec/json":
		return jsonText(http.StatusOK, `{"Running":false,"ExitCode":0}`)
	case r.Method == http.MethodGet && strings.HasSuffix(endpoint, "/json") && strings.Count(endpoint, "/") > 1:
		return jsonText(http.StatusOK, fmt.Sprintf(`{"Id":"%s","State":{"Status":"running","Running":true,"ExitCode":0},"Config":{"Tty":false}}`, id))
	case r.Method == http.MethodGet:
		return jsonText(http.StatusOK, "[]")
	case r.Method == http.MethodHead:
		return jsonText(http.StatusOK, "")
	}
	return &answer{status: http.StatusNoContent}
}

// dockerStream is the output of a command: one frame on the standard output,
// then the end. Docker Engine API, "Attach to a container".
func dockerStream(r *request) *answer {
	const output = "uid=0(root) gid=0(root)\n"
	frame := append([]byte{1, 0, 0, 0}, binary.BigEndian.AppendUint32(nil, uint32(len(output)))...)
	a := &answer{status: http.StatusOK, kind: "application/vnd.docker.raw-stream", body: append(frame, output...), last: true}
	if r.Header.Get("Upgrade") != "" {
		a.status = http.StatusSwitchingProtocols
		a.header = map[string]string{"Connection": "Upgrade", "Upgrade": "tcp"}
	}
	return a
}

// dockerID makes up an id of 64 digits for what is asked for.
func dockerID(r *request) string {
	h := fnv.New128a()
	_, _ = h.Write(r.body)
	_, _ = h.Write([]byte(r.to.To.String()))
	sum := h.Sum(nil)
	return fmt.Sprintf("%x%x", sum, sum)
}

// dockerFields is what tells an attack from an inventory: what is run, and how
// much of the host it gets.
func dockerFields(r *request, endpoint string) map[string]string {
	fields := map[string]string{"endpoint": clip(endpoint)}
	put(fields, "image", r.URL.Query().Get("fromImage"))
	var body struct {
		Image      string
		Cmd        any
		Entrypoint any
		Env        []string
		Privileged bool
		HostConfig struct {
			Privileged  bool
			Binds       []string
			NetworkMode string
			PidMode     string
			Mounts      []struct{ Source string }
		}
	}
	if json.Unmarshal(r.body, &body) != nil {
		return fields
	}
	put(fields, "image", body.Image)
	put(fields, "cmd", words(body.Cmd))
	put(fields, "entrypoint", words(body.Entrypoint))
	binds := body.HostConfig.Binds
	for _, m := range body.HostConfig.Mounts {
		binds = append(binds, m.Source)
	}
	put(fields, "binds", strings.Join(binds, " "))
	put(fields, "network", body.HostConfig.NetworkMode)
	put(fields, "pid", body.HostConfig.PidMode)
	if body.Privileged || body.HostConfig.Privileged {
		fields["privileged"] = "true"
	}
	return fields
}

// words joins a command, which is a list or one string.
func words(command any) string {
	switch v := command.(type) {
	case string:
		return v
	case []any:
		parts := make([]string, len(v))
		for i, p := range v {
			parts[i] = fmt.Sprint(p)
		}
		return strings.Join(parts, " ")
	}
	return ""
}
