// Package gatekeeper pins Gatekeeper, beside which the webhook is measured, and
// the policy that it is given. It is a module of its own: Gatekeeper's
// dependencies are none of ours.
package gatekeeper
