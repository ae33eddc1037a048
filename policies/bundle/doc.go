// Package bundle moves policies in OPA's bundle format: one signed archive of
// documents, the Rego packages that they are translated to, and what their
// custom checks are made of.
//
// A folder's files enter and an archive leaves (Build), or the other way round
// (Read); a Source fetches archives from a file, a web server or a registry
// and says whether there is a new one. Archives are foreign input: their
// sizes are bounded, and where a key is configured nothing of an archive is
// used before its signature holds. The package keeps nothing and puts nothing
// in force.
package bundle
