// Package rules keeps the behaviour rules of authors as they are now: those of
// folders and bundles, beside the built-in ones.
//
// Sources give files; what they hold is compiled, and judged by from then on,
// without a restart. What cannot be had leaves the last good files in force, and
// what is broken is left out, both loudly. The package fetches nothing itself
// and judges by package judge.
package rules
