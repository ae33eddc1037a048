// Package server runs one HTTP front on one listener: TLS from files that may
// be replaced, HTTP/2, bounds on what a client can hold, and an end that lets
// requests under way finish.
//
// A listener and a handler enter; nothing leaves but the error that ended it.
// The package knows no routes and no protocol above HTTP.
package server
