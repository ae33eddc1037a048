package tinyelf

import (
	"debug/elf"
	"encoding/binary"
)

// amd64 encodes for x86-64. The kernel takes the number in rax and arguments in
// rdi, rsi, rdx, r10, r8; it destroys rcx and r11 and returns in rax.
// Intel SDM vol. 2; System V ABI, AMD64 supplement, A.2.
type amd64 struct{}

var (
	amd64Args = [...]byte{7, 6, 2, 10, 8} // rdi, rsi, rdx, r10, r8
	amd64Kept = [...]byte{3, 12, 13}      // rbx, r12, r13
)

const amd64RSP = 4

func (amd64) machine() uint16 { return uint16(elf.EM_X86_64) }

func (amd64) number(c call) int64 {
	return [...]int64{
		callRead: 0, callWrite: 1, callClose: 3, callExit: 60, callDup: 33, callExecve: 59,
		callSocket: 41, callConnect: 42, callBind: 49, callListen: 50, callAccept: 288, callSetsockopt: 54,
	}[c]
}

// mov r64, imm32 (sign-extended): REX.W[B] C7 /0 id
func (amd64) loadImmediate(arg int, v int64) []byte { return amd64Set(amd64Args[arg], uint32(v)) }

func (amd64) set(k kept, v uint32) []byte { return amd64Set(amd64Kept[k], v) }

func amd64Set(reg byte, v uint32) []byte {
	return binary.LittleEndian.AppendUint32([]byte{0x48 | reg>>3, 0xc7, 0xc0 | reg&7}, v)
}

// lea r64, [rip+disp32]: REX.W[R] 8D /r, mod 00, rm 101
func (amd64) loadAddress(arg int) []byte {
	reg := amd64Args[arg]
	return []byte{0x48 | reg>>3<<2, 0x8d, 0x05 | reg&7<<3, 0, 0, 0, 0}
}

func (amd64) loadKept(arg int, k kept) []byte { return amd64Move(amd64Args[arg], amd64Kept[k]) }
func (amd64) loadStack(arg int) []byte        { return amd64Move(amd64Args[arg], amd64RSP) }
func (amd64) keep(k kept) []byte              { return amd64Move(amd64Kept[k], 0) } // from rax

// mov r/m64, r64: REX.W[R][B] 89 /r
func amd64Move(to, from byte) []byte {
	return []byte{0x48 | from>>3<<2 | to>>3, 0x89, 0xc0 | from&7<<3 | to&7}
}

func (amd64) reserve() []byte {
	return []byte{0x48, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00} // sub rsp, 4096
}

func (amd64) enter(number int64) []byte {
	return append(amd64Set(0, uint32(number)), 0x0f, 0x05) // mov rax, number; syscall
}

func (amd64) jumpIfFailed() []byte {
	return []byte{
		0x48, 0x85, 0xc0, // test rax, rax
		0x0f, 0x88, 0, 0, 0, 0, // js rel32
	}
}

func (amd64) countDown(k kept) []byte {
	reg := amd64Kept[k]
	return []byte{
		0x48 | reg>>3, 0x83, 0xe8 | reg&7, 1, // sub reg, 1
		0x0f, 0x85, 0, 0, 0, 0, // jnz rel32
	}
}

// All references are a 32-bit distance from the end of the instruction.
func (amd64) patch(code []byte, at, size, distance int) {
	binary.LittleEndian.PutUint32(code[at+size-4:], uint32(int32(distance-size)))
}
