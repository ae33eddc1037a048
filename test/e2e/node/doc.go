// Package node is the chart on a real node: a control plane, kubelet,
// kube-proxy, containerd and runc in namespaces of their own, where helm
// installs what `make image` builds.
//
// Each test starts itself again in new mount, network and process namespaces
// and runs there, so that nothing of a cluster is seen outside, and all of it
// ends with that one process. Root is needed for that.
package node
