// Package translate writes an assurance policy as one Rego package that a
// person can read, test and lint with the ordinary tools.
//
// A Document enters; a Package leaves: its METADATA, the scope as a rule
// in_scope, and for every enabled control the rules that say what is wrong,
// with the document's values as constants. Nothing here evaluates, and what a
// control means is written in its template under templates/, once.
//
// The rules are partial sets of {control, msg, facts}:
//
//	deny     the control fails
//	pending  the control waits for dynamic analysis
//	skip     the control cannot be decided, for the reason in msg
//	warn     the control passes with a remark
//	exempt   a person has excused the image from the control ("*": from all)
package translate
