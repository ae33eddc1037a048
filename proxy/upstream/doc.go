// Package upstream is the closed list of registries that can be pulled from,
// and the client that speaks to them.
//
// A registry's name chooses from the list and is never an address to dial. What
// leaves are manifests whose digest was checked, and blob streams that are yet
// to be checked by whoever reads them to the end. Errors name the registry,
// never an endpoint's address or a credential. The package stores nothing.
package upstream
