// Package visit calls at a port of the guest as several people would, so that
// what waits for somebody shows itself.
//
// A way to connect and a word that only this run knows go in; what comes out is
// whether somebody was there, and what the guest does because of it, which
// others watch. What a web server answers is foreign: how much of it is read,
// and how many of its links are followed, is bounded. It never leaves the
// connections that it is given, and decides nothing about what it sees.
package visit
