package responder

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// kubeGroups is the resources that the API server tells its clients about, by
// group and version: those that steer a cluster.
var kubeGroups = map[string][]kubeKind{
	"v1": {
		{"pods", "Pod", true}, {"pods/exec", "PodExecOptions", true}, {"secrets", "Secret", true}, {"configmaps", "ConfigMap", true}, {"services", "Service", true},
		{"serviceaccounts", "ServiceAccount", true}, {"events", "Event", true}, {"namespaces", "Namespace", false}, {"nodes", "Node", false},
	},
	"apps/v1":                      {{"daemonsets", "DaemonSet", true}, {"deployments", "Deployment", true}, {"replicasets", "ReplicaSet", true}, {"statefulsets", "StatefulSet", true}},
	"batch/v1":                     {{"cronjobs", "CronJob", true}, {"jobs", "Job", true}},
	"rbac.authorization.k8s.io/v1": {{"clusterroles", "ClusterRole", false}, {"clusterrolebindings", "ClusterRoleBinding", false}, {"roles", "Role", true}, {"rolebindings", "RoleBinding", true}},
	"authorization.k8s.io/v1":      {{"selfsubjectaccessreviews", "SelfSubjectAccessReview", false}, {"selfsubjectrulesreviews", "SelfSubjectRulesReview", false}},
}

type kubeKind struct {
	name, kind string
	namespaced bool
}

// kubeDiscovery answers what an API server offers. Kubernetes API, "API
// Discovery": the unaggregated form, which every client understands.
func kubeDiscovery(path string) any {
	path = strings.Trim(path, "/")
	switch path {
	case "api":
		return map[string]any{"kind": "APIVersions", "versions": []string{"v1"}}
	case "apis":
		var groups []any
		for _, gv := range slices.Sorted(maps.Keys(kubeGroups)) {
			if group, version, ok := strings.Cut(gv, "/"); ok {
				v := map[string]string{"groupVersion": gv, "version": version}
				groups = append(groups, map[string]any{"name": group, "versions": []any{v}, "preferredVersion": v})
			}
		}
		return map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
	}
	gv := strings.TrimPrefix(strings.TrimPrefix(path, "apis/"), "api/")
	list, ok := kubeGroups[gv]
	if !ok {
		return nil
	}
	var resources []any
	for _, k := range list {
		resources = append(resources, map[string]any{
			"name": k.name, "singularName": strings.ToLower(k.kind), "kind": k.kind, "namespaced": k.namespaced,
			"verbs": []string{"create", "delete", "get", "list", "patch", "update", "watch"},
		})
	}
	return map[string]any{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": gv, "resources": resources}
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil { // strings, numbers and lists of them always marshal
		return "{}"
	}
	return string(b)
}
