package network_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/network"
)

func benchWorld(b *testing.B, pcap string) *network.World {
	secrets, err := canary.New(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	w, err := network.New(network.Config{Token: token, Arch: runtime.GOARCH, Canaries: secrets, Pcap: pcap, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { w.Close() })
	return w
}

// Target: 5 ms.
func BenchmarkSetUp(b *testing.B) {
	for b.Loop() {
		w, err := network.New(network.Config{Token: token, Arch: runtime.GOARCH})
		if err != nil {
			b.Fatal(err)
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// Target: 80 MB/s from the guest, recorded and searched for secrets. The guest
// here is a second stack in this process and costs as much again.
func BenchmarkThroughput(b *testing.B) {
	for _, pcap := range []string{"", filepath.Join(b.TempDir(), "x.pcap")} {
		b.Run(fmt.Sprintf("upload pcap=%t", pcap != ""), func(b *testing.B) {
			w := benchWorld(b, pcap)
			s := guestStack(b, w.Link())
			conn, err := gonet.DialTCP(s, full(netip.MustParseAddrPort("198.51.100.1:9000")), ipv4.ProtocolNumber)
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			chunk := make([]byte, 1<<20)
			for i := range chunk {
				chunk[i] = byte(i) | 0x80 // no protocol
			}
			b.SetBytes(int64(len(chunk)))
			for b.Loop() {
				if _, err := conn.Write(chunk); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("download", func(b *testing.B) {
		w := benchWorld(b, "")
		s := guestStack(b, w.Link())
		ln, err := gonet.ListenTCP(s, full(netip.MustParseAddrPort("172.17.0.2:80")), ipv4.ProtocolNumber)
		if err != nil {
			b.Fatal(err)
		}
		defer ln.Close()
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				go io.Copy(io.Discard, c)
			}
		}()
		conn, err := w.Dial(b.Context(), 80)
		if err != nil {
			b.Fatal(err)
		}
		defer conn.Close()
		chunk := make([]byte, 1<<20)
		b.SetBytes(int64(len(chunk)))
		for b.Loop() {
			if _, err := conn.Write(chunk); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Target: 0.3 s for 200 connections with a request and its answer each.
func Benchmark200Connections(b *testing.B) {
	w := benchWorld(b, "")
	s := guestStack(b, w.Link())
	for b.Loop() {
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				var conn net.Conn
				conn, err := gonet.DialTCP(s, full(netip.MustParseAddrPort("198.51.100.1:80")), ipv4.ProtocolNumber)
				if err != nil {
					b.Error(err)
					return
				}
				defer conn.Close()
				io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
				if page, err := io.ReadAll(conn); err != nil || len(page) == 0 {
					b.Error(err)
				}
			})
		}
		all.Wait()
	}
}
