// Package programs holds no code but tests: they install real programs from
// Debian into images, with entrypoints in the manner of the official images',
// and run each in the sandbox. What is well-behaved must never be found
// malicious, and what is found at all must be explained in docs/programs.md.
//
// testdata has one folder for each program: what its image has besides Debian's
// packages. The test writes to the user's cache folder, so that a layer is made
// once as long as Debian's archive stays the same.
package programs
