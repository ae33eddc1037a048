// Package chart holds the Helm chart against what it promises: every set of
// values below testdata/values is rendered by helm itself, checked against
// Kubernetes' own schemas by kubeconform, and the objects are looked at.
package chart
