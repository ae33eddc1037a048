package marker_test

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/tinyelf"
	"github.com/sallyport-dev/sallyport/sandbox/marker"
)

func TestELFPrintsTheTokenOnThisCPU(t *testing.T) {
	program, err := marker.ELF(runtime.GOARCH, "sp-4711")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "payload")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path).Output(); err != nil || string(out) != "sp-4711\n" {
		t.Errorf("printed %q, %v", out, err)
	}
}

func TestELFIsForTheAskedCPU(t *testing.T) {
	for arch, want := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "arm": elf.EM_ARM, "mips": elf.EM_MIPS, "mipsle": elf.EM_MIPS, "ppc": elf.EM_PPC} {
		program, err := marker.ELF(arch, "sp-4711")
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.NewFile(bytes.NewReader(program))
		if err != nil || f.Machine != want {
			t.Errorf("%s: %v, %v", arch, f, err)
		}
	}
	if _, err := marker.ELF("vax", "x"); !errors.Is(err, tinyelf.ErrArch) {
		t.Errorf("vax: %v, want ErrArch", err)
	}
}

func TestScriptPrintsTheToken(t *testing.T) {
	for _, token := range []string{"sp-4711", "it's $HOME `id`"} {
		cmd := exec.Command("sh")
		cmd.Stdin = bytes.NewReader(marker.Script(token))
		if out, err := cmd.Output(); err != nil || string(out) != token+"\n" {
			t.Errorf("%q printed %q, %v", token, out, err)
		}
	}
}
