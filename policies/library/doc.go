// Package library keeps the policies that are in force.
//
// Documents come from four shelves: those built in, a folder of JSON and YAML
// files that is watched, bundles that are polled, and those that people made
// through the API, which are kept as objects. What leaves is always one whole
// generation: a change that does not load leaves the last good one in force
// and is reported. The last good archive of each bundle is kept as an object,
// for a start without the network. The package judges nothing itself.
//
// Two documents of one name are an error that names both, except that any
// document stands in the place of a built-in one.
package library
