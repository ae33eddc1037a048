// Package rejudge decides again about the images of what runs in a cluster,
// when policies, labels or verdicts change, and now and then in any case.
//
// Pods enter, a page at a time, and the gate's decisions about their images; a
// report for each namespace with violations, events and metrics leave, and
// where it is asked for annotations and evictions. One replica does this at a
// time. Nothing is held of a namespace once it has been judged, but a bounded
// memory of what was told already. The package decides nothing itself, and by
// default stops nothing that runs.
package rejudge
