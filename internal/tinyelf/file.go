package tinyelf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// base is where the one segment is loaded: the usual place of a static,
// position-dependent program.
const base = 0x400000

// headers is the size of the ELF header and the one program header.
const headers = 64 + 56

// file puts an image, which begins with its first instruction, behind the ELF
// headers. ELF-64 object file format, §3 and §5.
func file(machine uint16, image []byte) []byte {
	size := uint64(headers + len(image))
	var b bytes.Buffer
	write := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // to memory: cannot fail
	write(elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: machine, Version: uint32(elf.EV_CURRENT),
		Entry: base + headers, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1,
	})
	write(elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: 0x1000,
	})
	b.Write(image)
	return b.Bytes()
}
