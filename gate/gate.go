// Package gate answers the one question that proxy, webhook and console ask:
// may this image pass?
//
// A reference with its digest goes in. The gate looks up facts, labels and the
// verdict, has the policies that include the image judge them, queues an
// analysis where a policy wants a verdict that does not exist, and returns a
// Decision. It speaks no protocol: turning a Decision into an HTTP status, an
// AdmissionReview or an exit code is for those who ask.
package gate
