// Package network is the far end of the sandbox's link: a whole internet in
// one process, where every address and port answers and no packet gets out.
//
// Ethernet frames of the guest go in over one end of a socketpair. What leaves
// is Records: each connection, name and request that the guest made, with what
// was said. Protocols are told by their first bytes and answered by the
// responders of the package below this one.
//
// The package opens no socket of the host besides that pair, resolves nothing
// and routes nothing; only a World that was given a gateway fetches, through it,
// answers to web requests. It concludes nothing: what is bad is for the rules to say.
// Whatever the guest sends is foreign input; all that is kept of it is bounded.
package network
