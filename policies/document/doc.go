// Package document reads and writes assurance policies as their users write
// them: the JSON of the public API, or the same as YAML.
//
// Text enters, a Document leaves; errors name file, line, field and the values
// that are allowed. What a Document does not understand it keeps, so that
// reading and writing loses nothing. The package knows nothing of images or of
// Rego: what a field means is for package translate.
package document
