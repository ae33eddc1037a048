// Package scope is the language that says which images a policy includes.
//
// An expression over numbered variables ("v1 && (v2 || !v3)") with one
// attribute and pattern each, or its textual form
// ("image.name.*:DTA OR aqua.label.DTA"), enters; a Matcher that answers
// without allocating leaves, and the same rule in Rego for people and tools.
// The package knows no policies and asks nobody: what an attribute's values
// are is told by a Subject.
//
// Rulings where the format's public documents are silent:
//
//   - No expression includes everything. An expression that names a variable
//     which is not there is an error, never "everything" and never "nothing".
//   - "!" binds tighter than "&&", "&&" tighter than "||". White space is free.
//   - In a pattern "*" stands for any characters, also none, also "/" and ":".
//     Nothing else is special, and a literal "*" cannot be written.
//   - Matching is case-sensitive. An attribute with several values matches when
//     one of them does.
//   - image.name is repository:tag without the registry, once for every tag of
//     the image. Docker Hub's official images have two spellings, with and
//     without "library/": both "nginx:*" and "library/nginx:*" match them.
//   - image.label and kubernetes.label have a name and a value. Written with one
//     value only, they match the name, or name=value.
//   - An attribute that has no value where the question is asked (no namespace
//     in a registry pull) makes its term false; Match says when the outcome
//     hung on that.
package scope
