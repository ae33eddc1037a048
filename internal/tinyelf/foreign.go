package tinyelf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// foreign is a CPU of 32 bits for which only Foreign has programs.
type foreign struct {
	machine elf.Machine
	order   binary.ByteOrder
	flags   uint32
	// words is the program: write(1, text, size), exit(0).
	words func(text, size uint32) []uint32
}

func mipsWords(text, size uint32) []uint32 {
	// MIPS32 instruction set, o32: the number in v0, arguments in a0 to a2.
	return []uint32{
		0x24020fa4, 0x24040001, // li v0, 4004; li a0, 1
		0x3c050000 | text>>16, 0x34a50000 | text&0xffff, // lui a1; ori a1
		0x24060000 | size, 0x0000000c, // li a2; syscall
		0x24020fa1, 0x24040000, 0x0000000c, // li v0, 4001; li a0, 0; syscall
	}
}

var foreigners = map[string]foreign{
	"arm": {elf.EM_ARM, binary.LittleEndian, 0x05000200, func(_, size uint32) []uint32 {
		// A32, EABI: the number in r7, arguments in r0 to r2. The text follows at once.
		return []uint32{
			0xe3a07004, 0xe3a00001, // mov r7, #4; mov r0, #1
			0xe28f1010,                    // add r1, pc, #16
			0xe3a02000 | size, 0xef000000, // mov r2; svc 0
			0xe3a07001, 0xe3a00000, 0xef000000, // mov r7, #1; mov r0, #0; svc 0
		}
	}},
	"mips":   {elf.EM_MIPS, binary.BigEndian, 0x50001005, mipsWords},
	"mipsle": {elf.EM_MIPS, binary.LittleEndian, 0x50001005, mipsWords},
	"ppc": {elf.EM_PPC, binary.BigEndian, 0, func(text, size uint32) []uint32 {
		// PowerPC: the number in r0, arguments in r3 to r5.
		return []uint32{
			0x38000004, 0x38600001, // li r0, 4; li r3, 1
			0x3c800000 | text>>16, 0x60840000 | text&0xffff, // lis r4; ori r4
			0x38a00000 | size, 0x44000002, // li r5; sc
			0x38000001, 0x38600000, 0x44000002, // li r0, 1; li r3, 0; sc
		}
	}},
}

// Foreign is Hello for CPUs of 32 bits as Go spells them: arm, mips, mipsle, and
// ppc. text has at most 255 bytes. The error wraps ErrArch for any other CPU.
func Foreign(arch, text string) ([]byte, error) {
	f, ok := foreigners[arch]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrArch, arch)
	}
	if len(text) > 255 {
		return nil, fmt.Errorf("tinyelf: a text of %d bytes, more than 255", len(text))
	}
	const before = 52 + 32 // bytes of the headers: ELF-32 object file format, figures 1-3 and 2-1
	const start = 0x10000  // where the one segment is loaded
	size := uint32(len(text))
	code := uint32(4 * len(f.words(0, 0)))
	var b bytes.Buffer
	write := func(v any) { _ = binary.Write(&b, f.order, v) } // to memory: cannot fail
	data := elf.ELFDATA2LSB
	if f.order == binary.BigEndian {
		data = elf.ELFDATA2MSB
	}
	write(elf.Header32{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS32), byte(data), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(f.machine), Version: uint32(elf.EV_CURRENT),
		Entry: start + before, Phoff: 52, Flags: f.flags, Ehsize: 52, Phentsize: 32, Phnum: 1,
	})
	write(elf.Prog32{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: start, Paddr: start,
		Filesz: before + code + size, Memsz: before + code + size, Align: 0x1000,
	})
	write(f.words(start+before+code, size))
	b.WriteString(text)
	return b.Bytes(), nil
}
