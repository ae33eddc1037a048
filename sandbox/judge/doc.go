// Package judge turns an observation into findings and a verdict, by the
// behaviour rules.
//
// An Observation goes in; findings with their evidence, a verdict, and the
// report that tells both come out. What is bad is written in Rego, in
// sandbox/behaviours: a rule per behaviour and the logic of the verdict. This
// package compiles those and authors' rules beside them, takes away what a
// rule must not do (network, clock, chance, environment), and checks what they
// answer. It runs nothing and stores nothing.
package judge
