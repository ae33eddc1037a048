package tinyelf

import (
	"debug/elf"
	"encoding/binary"
)

// arm64 encodes for AArch64. The kernel takes the number in x8 and arguments in
// x0 to x5; it returns in x0 and keeps the rest.
// Arm Architecture Reference Manual for A-profile, C6.2.
type arm64 struct{}

const arm64Kept = 19 // x19, x20, x21

func (arm64) machine() uint16 { return uint16(elf.EM_AARCH64) }

func (arm64) number(c call) int64 {
	return [...]int64{
		callRead: 63, callWrite: 64, callClose: 57, callExit: 93, callDup: 24, callExecve: 221,
		callSocket: 198, callConnect: 203, callBind: 200, callListen: 201, callAccept: 242, callSetsockopt: 208,
	}[c]
}

func (arm64) loadImmediate(arg int, v int64) []byte { return arm64Set(uint32(arg), uint32(v)) }

func (arm64) set(k kept, v uint32) []byte { return arm64Set(arm64Kept+uint32(k), v) }

func arm64Set(reg, v uint32) []byte {
	return arm64Words(
		0xd2800000|v&0xffff<<5|reg, // movz reg, low half
		0xf2a00000|v>>16<<5|reg,    // movk reg, high half, lsl 16
	)
}

func (arm64) loadAddress(arg int) []byte {
	return arm64Words(0x10000000 | uint32(arg)) // adr arg, .
}

func (arm64) loadKept(arg int, k kept) []byte {
	return arm64Words(0xaa0003e0 | (arm64Kept+uint32(k))<<16 | uint32(arg)) // mov arg, kept
}

func (arm64) loadStack(arg int) []byte {
	return arm64Words(0x910003e0 | uint32(arg)) // mov arg, sp
}

func (arm64) keep(k kept) []byte {
	return arm64Words(0xaa0003e0 | (arm64Kept + uint32(k))) // mov kept, x0
}

func (arm64) reserve() []byte {
	return arm64Words(0xd14007ff) // sub sp, sp, #1, lsl 12
}

func (arm64) enter(number int64) []byte {
	return append(arm64Set(8, uint32(number)), arm64Words(0xd4000001)...) // svc #0
}

func (arm64) jumpIfFailed() []byte {
	return arm64Words(0xb7f80000) // tbnz x0, #63, .
}

func (arm64) countDown(k kept) []byte {
	reg := arm64Kept + uint32(k)
	return arm64Words(
		0xf1000400|reg<<5|reg, // subs reg, reg, #1
		0x54000001,            // b.ne .
	)
}

// References are in the last instruction, relative to it; which field holds
// the distance depends on what it is.
func (arm64) patch(code []byte, at, size, distance int) {
	last := code[at+size-4:]
	word := binary.LittleEndian.Uint32(last)
	d := uint32(int32(distance - (size - 4)))
	switch {
	case word&0x9f000000 == 0x10000000: // adr: bytes, low two bits apart
		word |= d&3<<29 | d>>2&0x7ffff<<5
	case word&0x7f000000 == 0x37000000: // tbnz: 14 bits of words
		word |= d >> 2 & 0x3fff << 5
	default: // b.ne: 19 bits of words
		word |= d >> 2 & 0x7ffff << 5
	}
	binary.LittleEndian.PutUint32(last, word)
}

func arm64Words(words ...uint32) []byte {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}
