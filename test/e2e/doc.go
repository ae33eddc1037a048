// Package e2e is the module of the end-to-end tests: Sallyport as a built
// binary in a real Kubernetes, which runs on this machine and is built from
// this module (`make e2e-bin`, then `make e2e`).
//
// The module is apart from Sallyport's own so that none of what Kubernetes
// requires becomes a requirement of the product. Nothing here imports the
// product, and the product imports nothing from here.
//
// Everything is compiled with GOFLAGS=-trimpath and CGO_ENABLED=0, as
// test/e2e/tools does it: any other flag compiles Kubernetes once more.
//
// The folders: cluster is a control plane without nodes, gate is Sallyport
// under test with a registry behind it, process runs programs that end with the
// test. admission tries the webhook, chart holds the Helm chart against
// Kubernetes' schemas, node runs it all with a kubelet. One test by hand:
//
//	make e2e E2EFLAGS='-v -run TestBreakGlass'
//
// A new test of admission starts with a scene: set(t, gate.Settings{…},
// gate.Registration{}) gives a gate that the cluster asks about one namespace,
// and images with a known fate (good, warned, evil). What a user types and reads
// is then one line:
//
//	s.run(t, "run", "shop", "--image="+evil).Refused(t, s.digest[evil], "label-fate")
package e2e
