package main

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// hog takes memory until it is ended.
func hog([]string) error {
	var kept [][]byte
	for {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = byte(i)
		}
		kept = append(kept, b)
		if len(kept)%16 == 0 {
			time.Sleep(10 * time.Millisecond) // so that a watcher sees it
		}
	}
}

// redial opens and drops connections to one address, as often as it is told.
func redial(args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range work {
				c, err := net.DialTimeout("tcp4", "198.51.100.7:8080", 5*time.Second)
				if err != nil {
					continue
				}
				_ = c.(*net.TCPConn).SetLinger(0) // no port stays taken
				c.Close()
			}
		}()
	}
	for range 8 {
		<-done
	}
	fmt.Println("done")
	return nil
}

// execStorm tries to run a program, each time with arguments of a megabyte.
func execStorm(args []string) error {
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	argv := []string{"x"}
	for range 255 {
		argv = append(argv, strings.Repeat("a", 4095))
	}
	for range n {
		_ = syscall.Exec("/no/such/program", argv, nil)
	}
	fmt.Println("done")
	return nil
}
