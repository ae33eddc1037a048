// Package gate is Sallyport under test: the built binary that GATE_UNDER_TEST
// names, with a registry of images behind it, registered as a webhook of a
// cluster.
//
//	images := gate.StartRegistry(t)
//	images.Push(t, "shop:1", nil)
//	images.Push(t, "evil:1", gate.Denied)
//	g := gate.Start(t, gate.Settings{Upstream: images})
//	ns := kube.Namespace(t, g.Label())
//	g.Register(t, kube, ns, gate.Registration{})
//	kube.Kubectl(t, "-n", ns, "run", "shop", "--image=registry.test/evil:1").Refused(t, "label-fate")
//
// A gate is asked about the namespaces alone that bear its label, so that
// several can serve one cluster.
package gate
