package scan

import (
	"bytes"
	"debug/elf"
	"slices"
	"strings"
)

// ELF is what the headers of a program, library or kernel module say.
type ELF struct {
	Kind        string   `json:"kind"` // exec, dyn (library or position-independent program), rel (object, kernel module), core, other
	Arch        string   `json:"arch"` // as Go names it: amd64, arm64, 386, arm, mips, mipsle, ppc64le, s390x, riscv64 …; else ELF's number
	Bits        int      `json:"bits"` // 32 or 64
	Static      bool     `json:"static"`
	Stripped    bool     `json:"stripped"`              // no symbol table
	NoSections  bool     `json:"no_sections"`           // no section headers: tampered with, or packed
	Packer      string   `json:"packer,omitempty"`      // upx; upx-modified when its marks were overwritten; "" when none is known
	CodeEntropy float64  `json:"code_entropy"`          // of the executable segments, bits per byte; above 7.2 it is compressed or encrypted
	WritableExe bool     `json:"writable_code"`         // a segment is both writable and executable
	Go          bool     `json:"go"`                    // built by the Go toolchain
	Module      bool     `json:"module"`                // kernel module
	Interpreter string   `json:"interpreter,omitempty"` // dynamic linker
	Needed      []string `json:"needed,omitempty"`      // libraries, at most 64
	Imports     []string `json:"imports,omitempty"`     // functions of interest that it calls
	Exports     []string `json:"exports,omitempty"`     // functions of the C library, or of PAM, that it defines itself
	Words       []string `json:"words,omitempty"`       // kinds of programs whose words it holds: miner-pool-uri, miner-donation, miner-algorithm, miner-login, miner-hashrate; detector for one that knows many kinds
	Truncated   bool     `json:"truncated,omitempty"`   // larger than what was looked into
}

// importsOfInterest are functions that ordinary programs seldom need.
var importsOfInterest = []string{
	"ptrace", "process_vm_writev", "process_vm_readv", "memfd_create", "fexecve", "dlopen", "dlsym", "execve", "execvp", "system", "popen",
	"init_module", "finit_module", "setns", "unshare", "pivot_root", "mprotect", "prctl", "personality", "socket", "connect", "bind",
	"pcap_open_live", "pcap_loop", "pam_get_authtok", "crypt", "inotify_add_watch", "fanotify_init", "keyctl", "bpf",
}

// hooked are functions whose replacement hides something, or overhears it.
var hooked = []string{
	"readdir", "readdir64", "readdir_r", "readdir64_r", "getdents", "getdents64", "opendir", "fdopendir", "scandir",
	"open", "open64", "openat", "openat64", "fopen", "fopen64", "stat", "lstat", "__xstat", "__lxstat", "__xstat64", "__lxstat64", "access",
	"read", "write", "accept", "accept4", "execve", "unlink", "unlinkat", "kill", "getpwnam", "pcap_loop",
	"pam_sm_authenticate", "pam_authenticate", "SSL_read", "SSL_write", "getutent", "dlsym", "ptrace",
}

var machines = map[elf.Machine][2]string{ // little and big endian
	elf.EM_X86_64: {"amd64", "amd64"}, elf.EM_386: {"386", "386"}, elf.EM_AARCH64: {"arm64", "arm64be"}, elf.EM_ARM: {"arm", "armbe"},
	elf.EM_MIPS: {"mipsle", "mips"}, elf.EM_PPC64: {"ppc64le", "ppc64"}, elf.EM_PPC: {"ppcle", "ppc"}, elf.EM_S390: {"s390x", "s390x"},
	elf.EM_RISCV: {"riscv64", "riscv64"}, elf.EM_SPARC: {"sparc", "sparc"}, elf.EM_SPARCV9: {"sparc64", "sparc64"}, elf.EM_SH: {"sh4", "sh4"},
	elf.EM_68K: {"m68k", "m68k"}, elf.EM_LOONGARCH: {"loong64", "loong64"}, elf.EM_BPF: {"bpf", "bpf"},
}

const (
	maxNames   = 64
	maxSymbols = 200_000
)

// readELF is nil when b is no file that any system would load.
func readELF(b []byte) (facts *ELF) {
	defer func() {
		// debug/elf has had bounds faults with hostile tables: such a file is one without facts.
		if recover() != nil {
			facts = nil
		}
	}()
	f, err := elf.NewFile(bytes.NewReader(b))
	if err != nil {
		return withoutSections(b)
	}
	defer f.Close()
	return describe(f, b)
}

// withoutSections tries again after taking the section table out of the
// header: the kernel does not need it, so hostile files have broken ones.
func withoutSections(b []byte) *ELF {
	if len(b) < 64 {
		return nil
	}
	c := slices.Clone(b[:64])
	switch elf.Class(b[elf.EI_CLASS]) {
	case elf.ELFCLASS64:
		clear(c[40:48]) // e_shoff
		clear(c[60:64]) // e_shnum, e_shstrndx
	case elf.ELFCLASS32:
		clear(c[32:36])
		clear(c[48:52])
	default:
		return nil
	}
	whole := append(c, b[64:]...)
	f, err := elf.NewFile(bytes.NewReader(whole))
	if err != nil {
		return nil
	}
	defer f.Close()
	return describe(f, whole)
}

func describe(f *elf.File, b []byte) *ELF {
	e := &ELF{Arch: f.Machine.String(), Bits: 32, Kind: "other", Static: true, Stripped: true, NoSections: len(f.Sections) == 0, Truncated: len(b) >= maxELF}
	if f.Class == elf.ELFCLASS64 {
		e.Bits = 64
	}
	if names, ok := machines[f.Machine]; ok {
		e.Arch = names[0]
		if f.Data == elf.ELFDATA2MSB {
			e.Arch = names[1]
		}
	}
	switch f.Type {
	case elf.ET_EXEC:
		e.Kind = "exec"
	case elf.ET_DYN:
		e.Kind = "dyn"
	case elf.ET_REL:
		e.Kind = "rel"
	case elf.ET_CORE:
		e.Kind = "core"
	}
	for _, s := range f.Sections {
		switch {
		case s.Type == elf.SHT_SYMTAB:
			e.Stripped = false
		case s.Name == ".go.buildinfo":
			e.Go = true
		case s.Name == ".modinfo":
			e.Module = e.Kind == "rel"
		}
	}
	var code histogram
	for _, p := range f.Progs {
		switch p.Type {
		case elf.PT_INTERP:
			e.Interpreter = strings.TrimRight(string(part(b, p.Off, min(p.Filesz, 256))), "\x00")
			e.Static = false
		case elf.PT_DYNAMIC:
			e.Static = e.Static && e.Kind == "exec"
		case elf.PT_LOAD:
			if p.Flags&elf.PF_X != 0 {
				_, _ = code.Write(part(b, p.Off, p.Filesz))
				e.WritableExe = e.WritableExe || p.Flags&elf.PF_W != 0
			}
		}
	}
	e.CodeEntropy = code.entropy()
	e.Packer = packer(b, e)
	e.Words = findWords(b)
	if needed, err := f.ImportedLibraries(); err == nil && len(needed) > 0 {
		e.Static = false
		e.Needed = needed[:min(len(needed), maxNames)]
	}
	e.symbols(f)
	return e
}

func (e *ELF) symbols(f *elf.File) {
	list, err := f.DynamicSymbols()
	if err != nil || len(list) > maxSymbols {
		return
	}
	for _, s := range list {
		if elf.ST_TYPE(s.Info) != elf.STT_FUNC && elf.ST_TYPE(s.Info) != elf.STT_GNU_IFUNC && s.Section != elf.SHN_UNDEF {
			continue
		}
		switch {
		case s.Section == elf.SHN_UNDEF:
			if slices.Contains(importsOfInterest, s.Name) && !slices.Contains(e.Imports, s.Name) {
				e.Imports = append(e.Imports, s.Name)
			}
		case slices.Contains(hooked, s.Name) && !slices.Contains(e.Exports, s.Name):
			e.Exports = append(e.Exports, s.Name)
		}
	}
	slices.Sort(e.Imports)
	slices.Sort(e.Exports)
}

// packer knows UPX by its header; and by its shape when somebody overwrote
// what its own unpacker looks for.
func packer(b []byte, e *ELF) string {
	head, tail := b[:min(len(b), 4096)], b[max(0, len(b)-4096):]
	switch {
	case bytes.Contains(head, []byte("UPX!")), bytes.Contains(tail, []byte("UPX!")):
		return "upx"
	case e.NoSections && e.CodeEntropy > 7.2 && e.Interpreter == "" && e.Kind != "core":
		return "upx-modified"
	}
	return ""
}

func part(b []byte, offset, size uint64) []byte {
	if offset >= uint64(len(b)) {
		return nil
	}
	return b[offset : offset+min(size, uint64(len(b))-offset)]
}
