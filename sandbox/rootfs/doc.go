// Package rootfs turns an image's layers into one read-only EROFS file that
// the sandbox can use as its root, and lets the caller look into it.
//
// An image enters (any v1.Image: remote, archive, layout), one uncompressed
// EROFS file leaves. Nothing of the image is ever created on the host but that
// file: no directory, link, device or owner, so a hostile layer has nothing to
// escape into, and no privilege is needed. Layers are verified against their
// digests and diff IDs while they are read.
//
// It never runs anything and never follows a path of the image on the host.
package rootfs
