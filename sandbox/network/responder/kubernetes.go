package responder

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// kubernetes is an API server and a kubelet that let everybody do everything.
type kubernetes struct{}

var (
	kubeletPorts = []uint16{10250, 10255}
	apiPorts     = []uint16{6443, 8443, 16443}
	// kubeResource is unmistakable; kubeAPI is when the host or port says so.
	kubeResource = regexp.MustCompile(`^/(api/v1/namespaces/[^/]+/[a-z]+|apis/[a-z0-9.]+/v[0-9]+[a-z0-9]*/)`)
	kubeAPI      = regexp.MustCompile(`^/(api|apis|version|healthz|livez|readyz|openapi)(/|$)`)
	kubeletCall  = regexp.MustCompile(`^/(pods|runningpods|run|exec|attach|portForward|cri/exec|containerLogs|logs|metrics|stats|spec|configz|healthz|checkpoint)(/|$)`)
)

func (kubernetes) answer(r *request) *answer {
	port := r.to.To.Port()
	var a *answer
	switch {
	case slices.Contains(kubeletPorts, port) && kubeletCall.MatchString(r.URL.Path):
		a = kubelet(r)
		a.app = "kubelet"
	case kubeResource.MatchString(r.URL.Path), kubeAPI.MatchString(r.URL.Path) && (isAPIServer(r.host) || slices.Contains(apiPorts, port)):
		a = apiServer(r)
		a.app = "kubernetes"
	}
	return a
}

func isAPIServer(host string) bool {
	return host == "10.96.0.1" || host == "kubernetes" || strings.HasPrefix(host, "kubernetes.default")
}

const kubePod = `{"metadata":{"name":"web-7d4b9c6f5-x2x7k","namespace":"default","uid":"6d1f0a52-3c1e-4a55-9f0e-0c5f7a1b2c3d"},` +
	`"spec":{"nodeName":"node-7","containers":[{"name":"web","image":"nginx:1.25"}]},"status":{"phase":"Running","podIP":"10.244.1.7","hostIP":"10.0.0.7"}}`

// kubelet answers a node's own interface.
func kubelet(r *request) *answer {
	words := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	call := words[0]
	if call == "cri" {
		call = "exec"
	}
	fields := map[string]string{"path": clip(r.URL.Path)}
	put(fields, "cmd", strings.Join(append(r.URL.Query()["command"], formValue(r, "cmd")), " "))
	m := &message{kind: call, fields: fields}
	switch call {
	case "pods", "runningpods":
		return said(jsonText(http.StatusOK, `{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[`+kubePod+`]}`), m)
	case "run":
		return said(text(http.StatusOK, "uid=0(root) gid=0(root) groups=0(root)\n"), m)
	case "exec", "attach", "portForward":
		return said(text(http.StatusBadRequest, "Upgrade request required\n"), m)
	case "metrics", "stats":
		return said(text(http.StatusOK, "kubelet_running_pods 1\n"), m)
	}
	return said(text(http.StatusOK, "ok\n"), m)
}

// formValue is a value of a form in the body, as the kubelet's run takes it.
func formValue(r *request, name string) string {
	for pair := range strings.SplitSeq(string(r.body), "&") {
		if k, v, ok := strings.Cut(pair, "="); ok && k == name {
			return v
		}
	}
	return ""
}

func said(a *answer, m *message) *answer {
	a.message = m
	return a
}

var kubeVerbs = map[string]string{
	http.MethodGet: "get", http.MethodPost: "create", http.MethodPut: "update", http.MethodPatch: "patch", http.MethodDelete: "delete",
}

// apiServer answers the cluster's interface. Kubernetes API concepts, "Resource URIs".
func apiServer(r *request) *answer {
	namespace, resource, name, sub := kubePath(r.URL.Path)
	fields := map[string]string{"path": clip(r.URL.Path)}
	put(fields, "namespace", namespace)
	put(fields, "name", name)
	kubeFields(fields, r.body)
	put(fields, "cmd", strings.Join(r.URL.Query()["command"], " "))
	verb := kubeVerbs[r.Method]
	m := &message{kind: strings.TrimSpace(strings.Trim(verb+" "+resource+"/"+sub, "/")), fields: fields}
	switch {
	case resource == "" && strings.HasPrefix(r.URL.Path, "/version"):
		return said(jsonText(http.StatusOK, `{"major":"1","minor":"29","gitVersion":"v1.29.4","platform":"linux/amd64"}`), m)
	case resource == "" && strings.HasPrefix(r.URL.Path, "/api"):
		offer := kubeDiscovery(r.URL.Path)
		if offer == nil {
			return said(kubeStatus(http.StatusNotFound, "Failure", "the server could not find the requested resource"), m)
		}
		return said(jsonText(http.StatusOK, asJSON(offer)), m)
	case resource == "":
		return said(text(http.StatusOK, "ok"), m)
	case sub == "exec" || sub == "attach" || sub == "portforward":
		return said(kubeStatus(http.StatusBadRequest, "Failure", "Upgrade request required"), m)
	case strings.HasPrefix(resource, "selfsubject"):
		return said(jsonText(http.StatusCreated, `{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":true,"resourceRules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}]}}`), m)
	case verb == "create" || verb == "update" || verb == "patch":
		status := http.StatusOK
		if verb == "create" {
			status = http.StatusCreated
		}
		if json.Valid(r.body) {
			return said(jsonText(status, string(r.body)), m)
		}
		return said(kubeStatus(http.StatusBadRequest, "Failure", "the object provided is unrecognized"), m)
	case verb == "delete":
		return said(kubeStatus(http.StatusOK, "Success", ""), m)
	case name != "":
		return said(kubeStatus(http.StatusNotFound, "Failure", fmt.Sprintf("%s %q not found", resource, name)), m)
	}
	return said(jsonText(http.StatusOK, kubeList(resource)), m)
}

// kubePath takes a path apart: /api/v1 or /apis/GROUP/VERSION, then the rest.
func kubePath(path string) (namespace, resource, name, sub string) {
	words := strings.Split(strings.Trim(path, "/"), "/")
	switch {
	case len(words) > 2 && words[0] == "api":
		words = words[2:]
	case len(words) > 3 && words[0] == "apis":
		words = words[3:]
	default:
		return "", "", "", ""
	}
	if len(words) > 2 && words[0] == "namespaces" {
		namespace, words = words[1], words[2:]
	}
	words = append(words, "", "", "")
	return clip(namespace), clip(words[0]), clip(words[1]), clip(words[2])
}

func kubeList(resource string) string {
	switch resource {
	case "pods":
		return `{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[` + kubePod + `]}`
	case "namespaces":
		return `{"kind":"NamespaceList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"default"}},{"metadata":{"name":"kube-system"}}]}`
	case "nodes":
		return `{"kind":"NodeList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"node-7"},"status":{"addresses":[{"type":"InternalIP","address":"10.0.0.7"}]}}]}`
	case "secrets":
		return `{"kind":"SecretList","apiVersion":"v1","metadata":{},"items":[{"metadata":{"name":"registry","namespace":"default"},"type":"Opaque","data":{"user":"YnVpbGRlcg=="}}]}`
	}
	return `{"kind":"List","apiVersion":"v1","metadata":{},"items":[]}`
}

func kubeStatus(code int, status, text string) *answer {
	b, err := json.Marshal(map[string]any{"kind": "Status", "apiVersion": "v1", "metadata": struct{}{}, "status": status, "message": text, "code": code})
	if err != nil { // strings and numbers always marshal
		return notFound()
	}
	return jsonText(code, string(b))
}

// kubePodSpec is what of a pod tells how much of its node it gets.
type kubePodSpec struct {
	HostPID     bool
	HostNetwork bool
	Volumes     []struct{ HostPath struct{ Path string } }
	Containers  []struct {
		Image           string
		Command, Args   []string
		SecurityContext struct{ Privileged bool }
	}
}

// kubeFields notes what tells an attack from an operator's own work.
func kubeFields(fields map[string]string, body []byte) {
	var object struct {
		Kind     string
		Metadata struct{ Name string }
		Spec     struct {
			kubePodSpec
			Template struct{ Spec kubePodSpec }
		}
	}
	if json.Unmarshal(body, &object) != nil {
		return
	}
	put(fields, "kind", object.Kind)
	put(fields, "name", object.Metadata.Name)
	for _, spec := range []kubePodSpec{object.Spec.kubePodSpec, object.Spec.Template.Spec} {
		if spec.HostPID {
			fields["host_pid"] = "true"
		}
		if spec.HostNetwork {
			fields["host_network"] = "true"
		}
		var paths, commands, images []string
		for _, v := range spec.Volumes {
			if v.HostPath.Path != "" {
				paths = append(paths, v.HostPath.Path)
			}
		}
		for _, c := range spec.Containers {
			images = append(images, c.Image)
			commands = append(commands, strings.Join(append(c.Command, c.Args...), " "))
			if c.SecurityContext.Privileged {
				fields["privileged"] = "true"
			}
		}
		put(fields, "host_paths", strings.Join(paths, " "))
		put(fields, "image", strings.Join(images, " "))
		put(fields, "cmd", strings.Join(commands, "; "))
	}
}
