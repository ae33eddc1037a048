// Package account knows who may pull with credentials: the users of an
// htpasswd file and the bearers of the gate's own tokens.
//
// What a client showed enters; the name of the user, or why not, leaves.
// Passwords are checked with bcrypt, which is slow on purpose: what was right
// is remembered for a while, and who is wrong too often is made to wait. The
// package knows no HTTP and decides about no image.
package account
