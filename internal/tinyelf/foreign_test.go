package tinyelf_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/internal/tinyelf"
)

func TestForeignProgramsPrintTheirText(t *testing.T) {
	for arch, machine := range map[string]string{"arm": "arm", "mips": "mips", "mipsle": "mipsel", "ppc": "ppc"} {
		qemu := testenv.NeedCommand(t, "qemu-"+machine+"-static")
		program, err := tinyelf.Foreign(arch, "hello\n")
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), arch)
		if err := os.WriteFile(path, program, 0o755); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(qemu, path).Output(); err != nil || string(out) != "hello\n" {
			t.Errorf("%s printed %q, %v", arch, out, err)
		}
	}
	if _, err := tinyelf.Foreign("vax", ""); !errors.Is(err, tinyelf.ErrArch) {
		t.Errorf("vax: %v", err)
	}
	if _, err := tinyelf.Foreign("arm", strings.Repeat("x", 256)); err == nil {
		t.Error("a text that is too long")
	}
}
