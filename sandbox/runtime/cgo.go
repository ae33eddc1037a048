//go:build cgo

package runtime

const linkedToC = true
