// Package console is the door through which people, CI and scripts look at the
// gate and steer it: the REST API.
//
// JSON over HTTP with a bearer token enters and leaves. Where Aqua's public API
// has the same thing (login, image assurance policies, images, rescan,
// permissions), paths and fields are the same, so that its clients work; our
// own documents lie beside them under /api/v1. The package keeps no state but
// API tokens (folder token), decides nothing itself and imports neither the
// proxy, the webhook nor the sandbox.
package console
