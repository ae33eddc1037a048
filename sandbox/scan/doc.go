// Package scan says what a file is, by its bytes alone: type, hash, entropy,
// the facts of an ELF file, the beginning of a text, and which of our own byte
// rules match. These are a small set, in rules.json: there is no engine for
// YARA's rules in pure Go that could be linked here.
//
// Bytes enter, Facts leave. All of them are foreign: whatever they hold, a
// file is read once, in bounded memory, and nothing of it is run. It knows
// neither images nor processes, and draws no conclusion.
package scan
