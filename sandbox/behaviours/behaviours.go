// Package behaviours holds the rules that say what is bad: one Rego package
// per behaviour, its test beside it, the words that they share in lib, the
// names that they look for in lists, and the logic of the verdict.
//
// It is data with an embed directive; package judge evaluates it.
//
// A behaviour lies in <category>/<slug>.rego, as package
// sallyport.behaviours.<category>["<slug>"]. Its METADATA tells title,
// description, severity, group (what it is one sign of: two signs of different
// groups in one lineage are proof), ATT&CK techniques and what to do. It
// reads an observation as input, and defines the set finding of objects
//
//	message    what happened here, one line
//	evidence   at least one: type, event, ms, process, detail and more; see lib
//	malicious  whether this alone is proof; default false
//	severity   unless it is that of the METADATA
//	confidence 0 to 100; default 80
//	lineage    lineage_id of the process that did it
package behaviours

import "embed"

// FS holds the rules, their tests, and the lists.
//
//go:embed *.rego lib lists initial_execution weaponization propagation communication collection_exfiltration
var FS embed.FS
