package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// engine asks a container engine for a container, over its socket, as often as said.
func engine(args []string) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, Dial: func(string, string) (net.Conn, error) { return net.Dial("unix", args[0]) }}}
	var work sync.WaitGroup
	for range number(args[1]) {
		work.Go(func() {
			resp, err := client.Post("http://localhost/v1.43/containers/create", "application/json", strings.NewReader(`{"Image":"alpine","HostConfig":{"Privileged":true,"Binds":["/:/host"]},"Labels":{"x":"`+strings.Repeat("y", 20<<10)+`"}}`))
			if err != nil {
				fail(err)
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			fmt.Println(resp.StatusCode, len(b) > 0, err)
		})
	}
	work.Wait()
}

func connect(args []string) {
	c, err := net.DialTimeout("tcp", args[0], 5*time.Second)
	if err != nil {
		fmt.Println("error:", err)
		return
	}
	fmt.Println("local", c.LocalAddr())
	fmt.Fprintln(c, "hello")
	c.Close()
}

func send(args []string) {
	c, err := net.ListenUDP("udp4", nil)
	fail(err)
	to, err := net.ResolveUDPAddr("udp4", args[0])
	fail(err)
	_, err = c.WriteTo([]byte("x"), to)
	fmt.Println("local", c.LocalAddr(), err)
}

// serve accepts one connection of its own.
func serve([]string) {
	l, err := net.Listen("tcp4", "127.0.0.1:4444")
	fail(err)
	done := make(chan bool)
	go func() {
		c, err := net.Dial("tcp4", "127.0.0.1:4444")
		fail(err)
		fmt.Println("client", c.LocalAddr().(*net.TCPAddr).Port)
		close(done)
	}()
	_, err = l.Accept()
	fail(err)
	<-done
}

// talk sends and receives over a connection of its own.
func talk([]string) {
	l, err := net.Listen("tcp4", "127.0.0.1:4444")
	fail(err)
	go func() {
		c, err := l.Accept()
		fail(err)
		b := make([]byte, 64)
		n, err := c.Read(b)
		fail(err)
		_, err = c.Write([]byte("echo " + string(b[:n])))
		fail(err)
	}()
	c, err := net.Dial("tcp4", "127.0.0.1:4444")
	fail(err)
	_, err = c.Write([]byte("hello there"))
	fail(err)
	b := make([]byte, 64)
	_, err = c.Read(b)
	fail(err)
	// Several datagrams in one call, as resolvers do it.
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	fail(err)
	fail(unix.Connect(s, &unix.SockaddrInet4{Port: 5353, Addr: [4]byte{127, 0, 0, 1}}))
	data := []byte("question one")
	iov := unix.Iovec{Base: &data[0], Len: uint64(len(data))}
	type mmsghdr struct {
		hdr unix.Msghdr
		n   uint32
		_   uint32
	}
	m := mmsghdr{hdr: unix.Msghdr{Iov: &iov, Iovlen: 1}}
	_, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(s), uintptr(unsafe.Pointer(&m)), 1, 0, 0, 0)
	if errno != 0 {
		fail(errno)
	}
}
