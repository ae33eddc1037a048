//go:build !cgo

package runtime

const linkedToC = false
