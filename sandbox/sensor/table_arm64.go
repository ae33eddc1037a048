package sensor

import "golang.org/x/sys/unix"

// legacyCalls: arm64 has only the *at forms, but kept renameat.
func legacyCalls(table map[uint64]decoder) {
	table[unix.SYS_RENAMEAT] = decodeRenameat
}
