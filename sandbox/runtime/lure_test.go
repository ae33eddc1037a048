package runtime_test

import (
	"io/fs"
	"net/netip"
	goruntime "runtime"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// An engine's socket answers: over the network, where what was said is recorded,
// and each connection is told with who made it.
func TestEngineSocket(t *testing.T) {
	world, err := network.New(network.Config{Token: "token", Arch: goruntime.GOARCH})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	link := runtime.Link(world.Link())
	const socket = "/run/docker.sock"
	spec := newSpec(t, "guest", "engine", socket, "5")
	spec.Link = &link
	spec.Files = []runtime.File{{Path: "/run", Mode: fs.ModeDir | 0o755}}
	spec.Lure.Sockets = []runtime.LureSocket{{Path: socket, To: netip.MustParseAddrPort("172.17.0.1:2375")}}
	s := run(t, spec)
	if got := string(s.Stdout); got != strings.Repeat("201 true <nil>\n", 5) || s.DiffError != "" {
		t.Errorf("said %q, %q; %s", got, s.Stderr, s.DiffError)
	}
	ports := map[uint16]bool{}
	for _, e := range s.events {
		if e.Kind == event.Connect && e.Remote.Path == socket && e.Remote.Port == 2375 && e.Local.IP == "172.17.0.2" && e.Task.PID == 1 {
			ports[e.Local.Port] = true
		}
	}
	if len(ports) != 5 {
		t.Errorf("told of connections over %v", ports)
	}
	if err := world.Close(); err != nil {
		t.Fatal(err)
	}
	flows := world.Records(s.Started).Flows
	for _, f := range flows {
		if !ports[f.SrcPort] || f.App != "docker" || len(f.Messages) != 1 || f.Messages[0].Fields["privileged"] != "true" || f.Messages[0].Fields["binds"] != "/:/host" {
			t.Errorf("flow %s from port %d: %+v", f.App, f.SrcPort, f.Messages)
		}
	}
	if len(flows) != 5 {
		t.Errorf("%d flows", len(flows))
	}
}

func TestDisk(t *testing.T) {
	said := ask(t, func(s *runtime.Spec) {
		s.Process.Capabilities = everyCapability
		s.Lure.Disks = []runtime.LureDisk{{Path: "/dev/sda1", Major: 8, Minor: 1}}
	}, `
echo; echo "== node"; busybox stat -c '%F %t:%T %a' /dev/sda1
echo "== read"; head -c 1 /dev/sda1 2>&1
echo "== mount"; mount -t ext4 /dev/sda1 /mnt 2>&1
echo "== core pattern"; echo '|/tmp/x' > /proc/sys/kernel/core_pattern && cat /proc/sys/kernel/core_pattern
`)
	if said["node"] != "block special file 8:1 660" || said["read"] == "" || said["mount"] == "" {
		t.Errorf("%q", said)
	}
	if said["core pattern"] != "|/tmp/x" {
		t.Errorf("the core pattern is %q", said["core pattern"])
	}
}
