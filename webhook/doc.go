// Package webhook is the Kubernetes front of the gate: an AdmissionReview
// enters, the gate is asked about every image in it, a decision leaves.
//
// It reads pods and the built-in kinds that make pods. It resolves tags through
// a small interface, decides nothing itself, and never imports the other fronts
// or the sandbox.
package webhook
