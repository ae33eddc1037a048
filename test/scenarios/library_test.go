package scenarios

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// TestLibraryIsLoaded: with a readdir that finds nothing, every folder is empty.
func TestLibraryIsLoaded(t *testing.T) {
	ls := testenv.NeedCommand(t, "ls")
	content, err := library(runtime.GOARCH, "readdir", "readdir64")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "libempty.so")
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	for with, want := range map[string]string{"": "libempty.so", file: ""} {
		cmd := exec.Command(ls, dir)
		cmd.Env = append(os.Environ(), "LD_PRELOAD="+with)
		if out, err := cmd.CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != want {
			t.Errorf("with %q, ls said %q, %v", with, out, err)
		}
	}
}

func TestLibraryIsForTheAskedCPU(t *testing.T) {
	for arch, want := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		content, err := library(arch, "readdir")
		if err != nil {
			t.Fatal(err)
		}
		f, err := elf.NewFile(strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		symbols, err := f.DynamicSymbols()
		if err != nil || len(symbols) != 1 || symbols[0].Name != "readdir" || f.Machine != want {
			t.Errorf("%s: %v, %v, %v", arch, f.Machine, symbols, err)
		}
	}
	if _, err := library("mips", "readdir"); err == nil {
		t.Error("a library for a CPU that is not known")
	}
}
