// Package proxy is the pull-through registry: the door through which clients
// pull images that the gate allows.
//
// Requests of the OCI distribution specification's pull workflow enter;
// manifests and blobs leave, verified, from the store or from an upstream of
// the closed list, each only after the gate allowed the manifest that they
// belong to. The parts: the front (this package) routes, asks and answers;
// package upstream chooses and speaks to registries; package fill fetches each
// blob once however many clients want it, and package lease says which replica
// does; package store keeps everything in the layout of the distribution project
// under one of its storage drivers; package evict says what goes when that is
// full; package account knows clients by their credentials.
//
// The package takes no push, judges nothing itself and imports neither the
// webhook, the console nor the sandbox.
package proxy
