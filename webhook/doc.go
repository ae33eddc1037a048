// Package webhook is the door through which a Kubernetes cluster asks: the
// API server sends every workload before it stores it, and gets an answer.
//
// An AdmissionReview of admission.k8s.io/v1 enters; its answer leaves. In
// between, the images of the workload's pods are normalised, resolved to
// digests with the credentials of these pods and judged by the gate, all of
// them within the time that the API server gives. The package watches no
// cluster, judges nothing itself and imports neither the proxy, the console nor
// the sandbox: what it needs of a cluster (pull secrets, access reviews,
// events) are interfaces of its own. Which objects hold images is known by its
// folder workload; certificates for the listener are made by its folder certs.
//
// The module test/e2e tries all of it with a real API server and kubectl.
package webhook
