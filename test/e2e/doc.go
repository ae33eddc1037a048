// Package e2e is the module of the end-to-end tests: Sallyport as a built
// binary in a real Kubernetes, which runs on this machine and is built from
// this module (`make e2e-bin`, then `make e2e`).
//
// The module is apart from Sallyport's own so that none of what Kubernetes
// requires becomes a requirement of the product. Nothing here imports the
// product, and the product imports nothing from here.
//
// Everything is compiled with GOFLAGS=-trimpath and CGO_ENABLED=0, as
// test/e2e/tools does it: any other flag compiles Kubernetes once more. To run
// one test by hand:
//
//	make build e2e-bin && cd test/e2e &&
//	GATE_UNDER_TEST=$PWD/../../build/sallyport E2E_BIN=$PWD/../../build/e2e \
//	GOFLAGS=-trimpath CGO_ENABLED=0 go test -run TestName -v ./...
package e2e
