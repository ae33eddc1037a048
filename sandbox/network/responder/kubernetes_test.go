package responder_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

func TestKubernetesNotesWhatIsAskedOfTheCluster(t *testing.T) {
	table := everything(t)
	daemon := `{"kind":"DaemonSet","metadata":{"name":"kube-controller"},"spec":{"template":{"spec":{"hostPID":true,"volumes":[{"hostPath":{"path":"/"}}],` +
		`"containers":[{"image":"alpine","command":["sh","-c"],"args":["id"],"securityContext":{"privileged":true}}]}}}}`
	for name, c := range map[string]struct {
		port         uint16
		method, path string
		body         string
		app, kind    string
		fields       map[string]string
		status       string
	}{
		"a privileged daemon": {6443, "POST", "/apis/apps/v1/namespaces/kube-system/daemonsets", daemon, "kubernetes", "create daemonsets",
			map[string]string{"namespace": "kube-system", "kind": "DaemonSet", "name": "kube-controller", "privileged": "true", "host_pid": "true", "host_paths": "/", "image": "alpine", "cmd": "sh -c id"}, "201"},
		"all secrets":           {6443, "GET", "/api/v1/secrets", "", "kubernetes", "get secrets", nil, "200"},
		"pods on any port":      {80, "GET", "/api/v1/namespaces/default/pods", "", "kubernetes", "get pods", map[string]string{"namespace": "default"}, "200"},
		"one object":            {6443, "GET", "/api/v1/namespaces/default/configmaps/app", "", "kubernetes", "get configmaps", map[string]string{"namespace": "default", "name": "app"}, "404"},
		"a command in a pod":    {6443, "POST", "/api/v1/namespaces/default/pods/web/exec?command=id&command=-u", "", "kubernetes", "create pods/exec", map[string]string{"namespace": "default", "name": "web", "cmd": "id -u"}, "400"},
		"a command on a node":   {10250, "POST", "/run/default/web/web", "cmd=id", "kubelet", "run", map[string]string{"cmd": "id"}, "200"},
		"pods of a node":        {10255, "GET", "/pods", "", "kubelet", "pods", nil, "200"},
		"the version":           {6443, "GET", "/version", "", "kubernetes", "get", nil, "200"},
		"somebody else's API":   {443, "GET", "/api/v1/events", "", "http", "", nil, "200"},
		"a page on a node port": {10250, "GET", "/index.html", "", "http", "", nil, "200"},
	} {
		t.Run(name, func(t *testing.T) {
			words := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", c.method, c.path, len(c.body), c.body)
			log, heard := talk(t, table, c.port, strings.NewReader(words))
			if log.app != c.app || !strings.HasPrefix(heard, "HTTP/1.1 "+c.status) {
				t.Fatalf("is %s, heard %q", log.app, heard)
			}
			if c.kind == "" {
				if len(log.messages) > 0 {
					t.Errorf("noted %+v", log.messages)
				}
				return
			}
			m := log.messages[0]
			want := map[string]string{"path": strings.Split(c.path, "?")[0]}
			maps.Copy(want, c.fields)
			if m.Type != c.kind || !maps.Equal(m.Fields, want) {
				t.Errorf("noted %+v, want %s with %v", m, c.kind, want)
			}
			if _, body, _ := strings.Cut(heard, "\r\n\r\n"); c.app == "kubernetes" && !json.Valid([]byte(body)) {
				t.Errorf("answered %q", body)
			}
		})
	}
}

func FuzzKubernetes(f *testing.F) {
	table := everything(f)
	f.Add("POST", "apis/apps/v1/namespaces/a/daemonsets", `{"spec":{"template":{"spec":{"containers":[{"command":["a"]}],"volumes":[{"hostPath":{}}]}}}}`)
	f.Add("PATCH", "api/v1/namespaces//pods/%2f/exec/x/y", `{"spec":[]}`)
	f.Add("GET", "apis//v1/", ``)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		words := fmt.Sprintf("%s /%s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
		for _, port := range []uint16{6443, 10250} {
			if log, _ := talk(t, table, port, strings.NewReader(words)); (log.app == "kubernetes" || log.app == "kubelet") && len(log.messages) == 0 {
				t.Fatal("a call without message")
			}
		}
	})
}
