// Package policies turns assurance policies into decisions about images.
//
// A policy document (the JSON of the public API, or the same as YAML) enters;
// its scope is compiled to a Go matcher and its controls to one readable Rego
// package. A Set is one immutable generation of all of them: given the facts
// about an image (Input) it says which policies include it and which of their
// checks fail (Result). The package fetches nothing, stores nothing and knows
// neither proxy nor webhook.
package policies
