// Package version orders the versions of software packages.
//
// Each package manager orders versions by rules of its own, and Rego knows
// none of them. A version and its format enter; a Key leaves: text that Rego's
// own comparison of strings puts into the package manager's order. A range
// (">=1.2,<2") becomes conditions over such keys. So policies that ask for
// ranges stay plain Rego, which any tool evaluates.
package version
