package scenarios

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
)

// library is a small shared library for a CPU as Go spells it (amd64, arm64). It
// defines functions of the given names that do nothing and return 0: as
// readdir, that is the end of every folder.
func library(arch string, functions ...string) (string, error) {
	machine, code := elf.EM_X86_64, []byte{0x31, 0xc0, 0xc3} // xor eax, eax; ret
	switch arch {
	case "amd64":
	case "arm64":
		machine, code = elf.EM_AARCH64, []byte{0x00, 0x00, 0x80, 0xd2, 0xc0, 0x03, 0x5f, 0xd6} // mov x0, #0; ret
	default:
		return "", fmt.Errorf("no library for the CPU %s", arch)
	}

	// System V ABI, chapters 4 and 5: header, program headers, code, symbols,
	// their names, a hash table of one bucket, what the loader reads, sections.
	const headers = 64 + 2*56
	text := uint64(headers)
	names := []byte{0}
	symbols := []elf.Sym64{{}}
	symtab := align(text + uint64(len(code)))
	for _, f := range functions {
		symbols = append(symbols, elf.Sym64{Name: uint32(len(names)), Info: elf.ST_INFO(elf.STB_GLOBAL, elf.STT_FUNC), Shndx: 1, Value: text, Size: uint64(len(code))})
		names = append(append(names, f...), 0)
	}
	strtab := symtab + uint64(len(symbols))*24
	hash := align(strtab + uint64(len(names)))
	chain := []uint32{1, uint32(len(symbols)), 1} // buckets, symbols, the first of the only bucket
	if len(functions) == 0 {
		chain[2] = 0
	}
	for i := range symbols {
		next := uint32(0)
		if i > 0 && i+1 < len(symbols) {
			next = uint32(i + 1)
		}
		chain = append(chain, next)
	}
	dynamic := align(hash + uint64(len(chain))*4)
	entries := []elf.Dyn64{
		{Tag: int64(elf.DT_HASH), Val: hash}, {Tag: int64(elf.DT_STRTAB), Val: strtab}, {Tag: int64(elf.DT_SYMTAB), Val: symtab},
		{Tag: int64(elf.DT_STRSZ), Val: uint64(len(names))}, {Tag: int64(elf.DT_SYMENT), Val: 24}, {},
	}
	sectionNames := []byte("\x00.text\x00.dynsym\x00.dynstr\x00.shstrtab\x00")
	shstrtab := dynamic + uint64(len(entries))*16
	sections := align(shstrtab + uint64(len(sectionNames)))
	size := sections + 5*64

	var b bytes.Buffer
	put := func(at uint64, v any) {
		b.Write(make([]byte, at-uint64(b.Len())))
		_ = binary.Write(&b, binary.LittleEndian, v) // to memory, of fixed size: cannot fail
	}
	put(0, elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_DYN), Machine: uint16(machine), Version: 1, Phoff: 64, Shoff: sections,
		Ehsize: 64, Phentsize: 56, Phnum: 2, Shentsize: 64, Shnum: 5, Shstrndx: 4,
	})
	put(64, []elf.Prog64{
		{Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_W | elf.PF_X), Filesz: size, Memsz: size, Align: 4096},
		{Type: uint32(elf.PT_DYNAMIC), Flags: uint32(elf.PF_R), Off: dynamic, Vaddr: dynamic, Paddr: dynamic, Filesz: uint64(len(entries)) * 16, Memsz: uint64(len(entries)) * 16, Align: 8},
	})
	put(text, code)
	put(symtab, symbols)
	put(strtab, names)
	put(hash, chain)
	put(dynamic, entries)
	put(shstrtab, sectionNames)
	put(sections, []elf.Section64{
		{},
		{Name: 1, Type: uint32(elf.SHT_PROGBITS), Flags: uint64(elf.SHF_ALLOC | elf.SHF_EXECINSTR), Addr: text, Off: text, Size: uint64(len(code)), Addralign: 4},
		{Name: 7, Type: uint32(elf.SHT_DYNSYM), Flags: uint64(elf.SHF_ALLOC), Addr: symtab, Off: symtab, Size: uint64(len(symbols)) * 24, Link: 3, Info: 1, Addralign: 8, Entsize: 24},
		{Name: 15, Type: uint32(elf.SHT_STRTAB), Flags: uint64(elf.SHF_ALLOC), Addr: strtab, Off: strtab, Size: uint64(len(names)), Addralign: 1},
		{Name: 23, Type: uint32(elf.SHT_STRTAB), Off: shstrtab, Size: uint64(len(sectionNames)), Addralign: 1},
	})
	return b.String(), nil
}

func align(n uint64) uint64 { return (n + 7) &^ 7 }
