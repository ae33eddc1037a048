package sensor

import (
	"testing"

	"gvisor.dev/gvisor/pkg/abi/linux"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

func TestSockaddr(t *testing.T) {
	v6 := append([]byte{10, 0, 0x01, 0xbb, 0, 0, 0, 0}, []byte("\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00")...)
	mapped := append([]byte{10, 0, 0x01, 0xbb, 0, 0, 0, 0}, []byte("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01\x00\x00\x00\x00")...)
	tests := []struct {
		name string
		raw  []byte
		want *event.Endpoint
	}{
		{"nothing", nil, nil},
		{"one byte", []byte{2}, nil},
		{"IPv4", []byte{2, 0, 0x11, 0x5c, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0}, &event.Endpoint{Family: "inet", Proto: "tcp", IP: "192.0.2.1", Port: 4444}},
		{"IPv4 cut short", []byte{2, 0, 0x11}, &event.Endpoint{Family: "other"}},
		{"IPv6", v6, &event.Endpoint{Family: "inet6", Proto: "tcp", IP: "2001:db8::1", Port: 443}},
		{"IPv4 in IPv6", mapped, &event.Endpoint{Family: "inet", Proto: "tcp", IP: "192.0.2.1", Port: 443}},
		{"unix", []byte("\x01\x00/run/docker.sock\x00junk"), &event.Endpoint{Family: "unix", Path: "/run/docker.sock"}},
		{"abstract", []byte("\x01\x00\x00name"), &event.Endpoint{Family: "unix", Path: "@name"}},
		{"unnamed", []byte("\x01\x00"), &event.Endpoint{Family: "unix"}},
		{"netlink", []byte{16, 0}, &event.Endpoint{Family: "netlink"}},
		{"bluetooth", []byte{31, 0, 1, 2}, &event.Endpoint{Family: "other"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := sockaddr(tt.raw, "tcp")
			if (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestKernelAddress(t *testing.T) {
	a := &linux.SockAddrInet{Family: linux.AF_INET, Port: 23569, Addr: [4]byte{192, 0, 2, 1}}
	if got := endpoint(a, "udp"); *got != (event.Endpoint{Family: "inet", Proto: "udp", IP: "192.0.2.1", Port: 4444}) {
		t.Errorf("%+v: the kernel's ports are in network byte order", got)
	}
	u := &linux.SockAddrUnix{Family: linux.AF_UNIX, Path: [linux.UnixPathMax]int8{'/', 'x'}}
	if got := endpoint(u, ""); *got != (event.Endpoint{Family: "unix", Path: "/x"}) {
		t.Errorf("%+v", got)
	}
}

// FuzzSockaddr: the bytes are the guest's.
func FuzzSockaddr(f *testing.F) {
	f.Add([]byte{2, 0, 1, 2, 3, 4, 5, 6})
	f.Add([]byte{1, 0, 0})
	f.Add([]byte{10, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if e := sockaddr(b, "tcp"); e != nil && e.Family == "" {
			t.Errorf("%+v has no family", e)
		}
	})
}
