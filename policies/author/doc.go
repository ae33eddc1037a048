// Package author is the bench at which policies are made: what authors wrote is
// read, checked, formatted, tested, translated and compared here before it is
// put in force anywhere.
//
// Files and folders enter, with documents, Rego, tests and data; Faults, test
// results, formatted text, a tree that OPA takes, or the difference between two
// generations leave. Nothing here speaks to a gate or changes what is in force,
// and whatever authors wrote runs with the capabilities and within the bounds
// of package engine.
package author
