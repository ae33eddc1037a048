// Package library keeps the policies that are in force.
//
// Documents come from three shelves: those built in, a folder of JSON and YAML
// files that is watched, and those that people made through the API, which are
// kept as objects. What leaves is always one whole generation: a change that
// does not load leaves the last good one in force and is reported. The package
// judges nothing itself.
//
// Two documents of one name are an error that names both, except that a
// document of the folder or the API stands in the place of a built-in one.
package library
