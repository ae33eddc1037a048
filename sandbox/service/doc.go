// Package service is the server of package protocol: a token comes in with a
// request to run an image by its digest, a report goes out.
//
// It fetches the image with the token in the request, hands it to the runner,
// keeps the outcome for a while, and deletes it. It keeps nothing between
// starts and knows nothing of the gate, its storage or its queue.
package service
