// Package engine compiles Rego so that nothing in it can reach outside or run
// for ever, whoever wrote it.
//
// Modules enter, with the data that they may read; a compiled Program leaves,
// whose Eval is bounded in time and memory. Rules have no network, clock,
// randomness or environment: what they answer depends on their input alone, so
// that answers can be cached. The package knows neither policies nor images.
package engine
