// Package cluster is a Kubernetes control plane on loopback, without nodes:
// etcd, an API server, the controllers, and kubectl, all of them the real
// programs, built by `make e2e-bin`.
//
//	func TestMain(m *testing.M) { os.Exit(cluster.Main(m, &kube)) }
//
//	func TestShop(t *testing.T) {
//		ns := kube.Namespace(t, "sallyport.dev/gate=enforce")
//		out := kube.Kubectl(t, "-n", ns, "create", "deployment", "shop", "--image=…")
//		out.Refused(t, "policy \"no root\"")
//	}
//
// A package of tests shares one cluster, which takes a few seconds to start;
// every test has namespaces of its own. What a test does to the whole cluster
// (webhook configurations, custom resource definitions) it must undo, or bind
// to its namespaces by a label.
package cluster
