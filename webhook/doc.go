// Package webhook is the door through which a Kubernetes cluster asks: the
// API server sends every workload before it stores it, and gets an answer.
//
// An AdmissionReview of admission.k8s.io/v1 enters; its answer leaves. In
// between, the images of the workload's pods are normalised, resolved to
// digests and judged by the gate, all of them within the time that the API
// server gives. The package changes no object, watches no cluster, judges
// nothing itself and imports neither the proxy, the console nor the sandbox.
// Certificates for the listener are made by its folder certs.
package webhook
