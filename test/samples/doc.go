// Package samples makes the images by which the sandbox is tested: for every
// behaviour one that shows it and one that comes close and must not be found,
// and well-behaved ones.
//
// Nothing enters but two programs of Debian (dash, busybox) and the Go program
// in the folder actor, which is compiled when first needed. Images leave, with
// what a run of each must and must not find. All are harmless: they call
// documentation addresses and names under .test, and hold no real payload. The
// package runs nothing and imports of this module only package report.
package samples
