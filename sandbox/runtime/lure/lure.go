// Package lure puts into a guest's world what only a host has: sockets of
// container engines that answer, and disks. It runs inside the Sentry.
//
// Paths enter, and for each socket where its connections are to go; who
// connects leaves through a callback. The sockets lead over the guest's own
// network card to the simulated network, so that what is said is recorded and
// answered there. A disk is a device node without a device.
package lure

import (
	"errors"
	"fmt"
	"net/netip"
	"path"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/errors/linuxerr"
	"gvisor.dev/gvisor/pkg/fspath"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/kernel/auth"
	"gvisor.dev/gvisor/pkg/sentry/socket/netstack"
	"gvisor.dev/gvisor/pkg/sentry/socket/unix/transport"
	"gvisor.dev/gvisor/pkg/sentry/vfs"
)

// Config is what is put there.
type Config struct {
	Sockets []Socket `json:"sockets,omitempty"`
	Disks   []Disk   `json:"disks,omitempty"`
}

// Socket is a Unix socket whose connections go to an address of the network.
type Socket struct {
	Path string         `json:"path"` // absolute; its folder exists
	To   netip.AddrPort `json:"to"`   // over TCP
}

// Disk is a block device.
type Disk struct {
	Path  string `json:"path"`
	Major uint32 `json:"major"`
	Minor uint32 `json:"minor"`
}

// Relay is a connection to a Socket: who made it, and the two ends of the one
// that stands for it on the network.
type Relay struct {
	Task   *kernel.Task
	Path   string
	Local  netip.AddrPort
	Remote netip.AddrPort
}

// Put puts everything there, before the guest has run. t is one of its tasks.
// relayed is called for each connection, by the task that makes it.
func Put(t *kernel.Task, cfg Config, relayed func(Relay)) error {
	var errs []error
	for _, d := range cfg.Disks {
		if err := node(t, d.Path, &vfs.MknodOptions{Mode: linux.S_IFBLK | 0o660, DevMajor: d.Major, DevMinor: d.Minor}); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", d.Path, err))
		}
	}
	stack, ok := t.Kernel().RootNetworkNamespace().Stack().(*netstack.Stack)
	if !ok && len(cfg.Sockets) > 0 {
		return errors.Join(append(errs, errors.New("the guest has no network stack of gVisor's"))...)
	}
	ctx := t.Kernel().SupervisorContext()
	for _, s := range cfg.Sockets {
		ep := transport.NewConnectioned(ctx, linux.SOCK_STREAM, t.Kernel())
		l := &listener{Endpoint: ep, ctx: ctx, stack: stack.Stack, socket: s, relayed: relayed, made: make(chan *relay, backlog)}
		if err := l.open(t); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", s.Path, err))
			continue
		}
		go l.serve()
	}
	return errors.Join(errs...)
}

// node makes a file of a special type, with the rights of root.
func node(t *kernel.Task, name string, opts *vfs.MknodOptions) error {
	root := t.FSContext().RootDirectory()
	defer root.DecRef(t)
	err := t.Kernel().VFS().MknodAt(t, auth.NewRootCredentials(t.Kernel().RootUserNamespace()), &vfs.PathOperation{
		Root: root, Start: root, Path: fspath.Parse(path.Clean(name)),
	}, opts)
	if linuxerr.Equals(linuxerr.EEXIST, err) {
		return nil // the image has its own
	}
	return err
}

// backlog is how many connections may wait to be accepted.
const backlog = 16
