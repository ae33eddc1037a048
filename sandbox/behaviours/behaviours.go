// Package behaviours holds the rules that say what is bad: one Rego package
// per behaviour, its test beside it, the words that they share in lib, the
// names that they look for in lists, and the logic of the verdict.
//
// It is data with an embed directive; package judge evaluates it.
package behaviours

import "embed"

// FS holds the rules, tests, lists and test data.
//
//go:embed *.go
var FS embed.FS
