// Package pullsecret reads a cluster's pull secrets: the credentials for
// registries that Kubernetes keeps for its pods.
//
// Names of secrets enter, credentials for a registry or repository leave, by
// the kubelet's rules. What the cluster holds is read through the small
// interface Cluster, and remembered for half a minute. Nothing is written to
// the cluster, and no secret to a log or an error.
package pullsecret
