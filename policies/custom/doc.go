// Package custom compiles and runs the checks that authors write themselves:
// Rego packages with the sets deny, violation and warn, of strings or of
// objects with msg, as conftest and Gatekeeper have them.
//
// A Source (a snippet of a policy, or files beside it) enters; a Check leaves
// that says, bounded in time and memory, what it finds wrong with a facts
// document. A check that asks for what does not exist, or whose package
// defines none of the sets, is an error and never a pass.
package custom
