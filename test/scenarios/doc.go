// Package scenarios makes images of whole stories: what campaigns against
// containers did, and what well-meant images do that looks like it. Where a
// sample of package samples shows one behaviour, a scenario shows several, in
// the order and by the means of a real intruder or a real program.
//
// Nothing enters but two programs of Debian, by package samples, and the Go
// program in the folder player, which is compiled when first needed. Images
// leave, with what the report of a run must and must not say. All are harmless:
// see the player's guard.
package scenarios
