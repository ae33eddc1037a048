// Package workload reads the objects of a cluster that are pods or make them.
//
// The bytes of an object of some kind enter; what its pods would pull, as what
// account and with which pull secrets, leaves. It knows the built-in kinds, and
// others by the paths to their pod templates. It asks nobody, judges nothing,
// and imports nothing of ours.
package workload
