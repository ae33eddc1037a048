// Package layers reads an image's layers, lowest first, each as one stream,
// and keeps of the file system that they make only what is asked for: the
// content of a few files, and which files carry rights.
//
// Layers enter as opened blobs; a Root leaves, in memory. Nothing is created
// on the host and no path of the image is ever a path of the host, so a hostile
// archive has nothing to escape into; what it may cost is bounded by Limits.
package layers
