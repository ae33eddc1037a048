// Package doctor tells whether a container engine could get past the gate.
//
// The configuration of an engine enters: Docker's daemon.json, containerd's
// config.toml and hosts.toml files, registries.conf of Podman, CRI-O, Buildah
// and Skopeo, BuildKit's buildkitd.toml, registries.yaml of K3s and RKE2. What
// leaves says, for each registry, from where the engine would take an image,
// and whether it goes elsewhere when the gate says no: engines take a denial
// of a mirror for a fault and try the next place.
//
// The package reads files and asks the gate's address one question. It changes
// nothing, asks no other address, and imports none of the gate's rooms.
package doctor
