// Package cluster is how the gate speaks to the Kubernetes API server: what it
// asks (may this user break the glass, which pull secrets does this pod have)
// and what it tells (events).
//
// A kubeconfig or a pod's service account enters; small interfaces that others
// declare are implemented. Its folders are tasks that need the cluster:
// certificate shares the webhook's certificates among replicas and publishes
// their authority, lease elects one replica, rejudge decides again about what
// runs. Only cmd/sallyport imports the room; it imports neither proxy, webhook
// nor console, and decides about no image itself.
//
// It uses client-go's dynamic client: the typed clients register every kind of
// Kubernetes when a process starts, and this program is started for every
// sandbox run.
package cluster
