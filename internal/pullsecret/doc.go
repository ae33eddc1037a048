// Package pullsecret reads a cluster's pull secrets: the credentials for
// registries that Kubernetes keeps for its pods.
//
// Names of secrets enter, credentials for a registry or repository leave, by
// the kubelet's rules. It asks the API server's plain REST interface with the
// service account's token, so that nothing of Kubernetes' client libraries is
// needed. It writes nothing to the cluster, and no secret to a log or an error.
package pullsecret
