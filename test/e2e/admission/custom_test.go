package admission

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

// customs are kinds of others. The cluster knows them by a definition of the
// same group and kind that keeps any content.
var customs = []struct{ name, group, plural, version, settings, manifest string }{
	{"DeploymentConfig", "apps.openshift.io", "deploymentconfigs", "v1", ``, `
apiVersion: apps.openshift.io/v1
kind: DeploymentConfig
metadata: {name: shop}
spec:
  selector: {app: shop}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: IMAGE}]}
`},
	{"Rollout", "argoproj.io", "rollouts", "v1alpha1", `- {group: argoproj.io, kind: Rollout, paths: [spec.template]}`, `
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  strategy: {canary: {steps: [{setWeight: 20}]}}
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: IMAGE}]}
`},
	{"Service", "serving.knative.dev", "services", "v1", `- {group: serving.knative.dev, kind: Service, paths: [spec.template]}`, `
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: shop}
spec:
  template:
    spec: {containers: [{image: IMAGE}]}
`},
	{"JobSet", "jobset.x-k8s.io", "jobsets", "v1alpha2", `- {group: jobset.x-k8s.io, kind: JobSet, paths: ["spec.replicatedJobs[*].template.spec.template"]}`, `
apiVersion: jobset.x-k8s.io/v1alpha2
kind: JobSet
metadata: {name: shop}
spec:
  replicatedJobs:
    - name: first
      template: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: registry.test/good:1}]}}}}
    - name: second
      template: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: b, image: IMAGE}]}}}}
`},
}

const definition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: PLURAL.GROUP}
spec:
  group: GROUP
  names: {kind: KIND, plural: PLURAL}
  scope: Namespaced
  versions:
    - name: VERSION
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---`

func TestCustomResources(t *testing.T) {
	t.Parallel()
	c := kube.Start(t)
	var settings, rules, definitions string
	for _, k := range customs {
		if k.settings != "" {
			settings += "  " + k.settings + "\n"
		}
		rules += "\n      - {apiGroups: [" + k.group + "], apiVersions: ['*'], resources: [" + k.plural + "], operations: [CREATE, UPDATE], scope: Namespaced}"
		definitions += strings.NewReplacer("PLURAL", k.plural, "GROUP", k.group, "KIND", k.name, "VERSION", k.version).Replace(definition)
	}
	c.Apply(t, definitions).Done(t)
	t.Cleanup(func() {
		for _, k := range customs {
			c.Kubectl(t, "delete", "crd", k.plural+"."+k.group, "--wait=false").Done(t)
		}
	})
	for _, k := range customs {
		c.Kubectl(t, "wait", "--for=condition=Established", "--timeout=60s", "crd/"+k.plural+"."+k.group).Done(t)
	}
	s := set(t, gate.Settings{Webhook: "kinds:\n" + settings}, gate.Registration{Rules: rules})
	for _, k := range customs {
		t.Run(k.name, func(t *testing.T) {
			cluster.Eventually(t, "the API server serves the kind", func() bool {
				return s.run(t, "get", k.plural+"."+k.group).Code == 0
			})
			s.kind(t, k.name, k.manifest)
		})
	}
}
