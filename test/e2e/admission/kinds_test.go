package admission

import (
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/gate"
)

// selected is the spec of a workload with a selector and a template.
const selected = `
spec:
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: IMAGE}]}
`

var kinds = []struct{ name, manifest string }{
	{"Pod", `
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec: {containers: [{name: shop, image: IMAGE}]}
`},
	{"PodTemplate", `
apiVersion: v1
kind: PodTemplate
metadata: {name: shop}
template:
  metadata: {labels: {app: shop}}
  spec: {containers: [{name: shop, image: IMAGE}]}
`},
	{"ReplicationController", `
apiVersion: v1
kind: ReplicationController
metadata: {name: shop}
spec:
  replicas: 0
  selector: {app: shop}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: IMAGE}]}
`},
	{"ReplicaSet", `
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: shop}` + selected},
	{"Deployment", `
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}` + selected},
	{"StatefulSet", `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: shop}` + selected},
	{"DaemonSet", `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: shop}` + selected},
	{"Job", `
apiVersion: batch/v1
kind: Job
metadata: {name: shop}
spec:
  template:
    spec: {restartPolicy: Never, containers: [{name: shop, image: IMAGE}]}
`},
	{"CronJob", `
apiVersion: batch/v1
kind: CronJob
metadata: {name: shop}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate:
    spec:
      template:
        spec: {restartPolicy: Never, containers: [{name: shop, image: IMAGE}]}
`},
}

func TestKinds(t *testing.T) {
	t.Parallel()
	s := set(t, gate.Settings{}, gate.Registration{})
	for _, c := range kinds {
		t.Run(c.name, func(t *testing.T) { s.kind(t, c.name, c.manifest) })
	}
}

// kind has objects of one kind denied and admitted.
func (s *scene) kind(t *testing.T, name, manifest string) {
	t.Helper()
	with := func(image string) string { return strings.ReplaceAll(manifest, "IMAGE", image) }

	s.create(t, with(evil)).Refused(t,
		`admission webhook "`+gate.Hook+`" denied the request`, "(Forbidden)",
		evil, s.digest[evil], `"label-fate"`, "forbidden_labels", "test.fate", "decision ")
	s.create(t, with(warned), "--dry-run=server").Says(t, "Warning: ", warned, "label-warning")
	made := s.create(t, with(good))
	made.Done(t)
	made.Silent(t)
	if name == "Job" {
		return // its template cannot be changed
	}
	s.apply(t, with(evil)).Refused(t, `admission webhook "`+gate.Hook+`" denied the request`, s.digest[evil])
	s.apply(t, with(better)).Done(t)
}
