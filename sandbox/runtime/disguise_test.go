package runtime_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// ask runs a script and returns what it prints after each line "== NAME".
func ask(t *testing.T, change func(*runtime.Spec), script string) map[string]string {
	t.Helper()
	spec := newSpec(t, "sh", "-c", script)
	spec.Limits.Tail = 1 << 20
	if change != nil {
		change(&spec)
	}
	s := run(t, spec)
	if s.End != runtime.Exited {
		t.Fatalf("ended as %s (%s); stderr %q", s.End, s.Detail, s.Stderr)
	}
	said := map[string]string{}
	for part := range strings.SplitSeq("\n"+string(s.Stdout), "\n== ") {
		name, text, _ := strings.Cut(part, "\n")
		said[name] = strings.TrimSpace(text)
	}
	return said
}

// What an ordinary program sees of the machine is what it would see in Docker.
func TestKernelLooksOrdinary(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	card := os.NewFile(uintptr(pair[1]), "link")
	defer card.Close()
	said := ask(t, func(s *runtime.Spec) {
		s.Hostname = "3f9c1e7a0b52"
		s.Time.Age = 50 * time.Hour
		s.Link = &runtime.Link{File: card, MAC: [6]byte{2, 0x42, 0xac, 0x11, 0, 2}}
	}, `
echo; echo "== uname"; uname -rv
echo "== version"; cat /proc/version
echo "== osrelease"; cat /proc/sys/kernel/osrelease
echo "== build"; cat /proc/sys/kernel/version
echo "== cmdline"; cat /proc/cmdline
echo "== dmesg"; dmesg 2>&1
echo "== cpuinfo"; cat /proc/cpuinfo
echo "== cpus"; nproc; cat /sys/devices/system/cpu/online; grep -c '^cpu[0-9]' /proc/stat
echo "== memory"; grep MemTotal /proc/meminfo
echo "== mac"; cat /sys/class/net/eth0/address; ip link show eth0
echo "== mounts"; cat /proc/mounts
echo "== own mounts"; cat /proc/1/task/1/mounts
echo "== mountinfo"; cat /proc/self/mountinfo
echo "== cgroup"; cat /proc/self/cgroup
echo "== filesystems"; cat /proc/filesystems
echo "== vendor"; cat /sys/class/dmi/id/sys_vendor
echo "== uptime"; cat /proc/uptime; busybox uptime; grep btime /proc/stat; date +%s
echo "== devices"; ls -ld /dev/mqueue /dev/core
echo "== host"; hostname
echo "== names"; ls /proc /sys/class/net /sys/fs/cgroup
`)
	const release, build = "5.15.0-105-generic", "#115-Ubuntu SMP Mon Apr 15 09:52:04 UTC 2024"
	for name, want := range map[string]string{
		"uname":       `^` + release + ` ` + build + `$`,
		"version":     `^Linux version ` + release + ` \(.*\) ` + build + `$`,
		"osrelease":   `^` + release + `$`,
		"build":       `^` + build + `$`,
		"cmdline":     `^BOOT_IMAGE=/boot/vmlinuz-` + release + ` `,
		"dmesg":       `Operation not permitted`,
		"memory":      `^MemTotal: +[0-9]{7,} kB$`,
		"mac":         `(?s)^02:42:ac:11:00:02\n.*02:42:ac:11:00:02`,
		"mounts":      `(?s)^overlay / overlay rw,relatime,lowerdir=/var/lib/docker/.*tmpfs /dev tmpfs .*shm /dev/shm tmpfs .*/etc/resolv.conf ext4`,
		"own mounts":  `^overlay / overlay rw,relatime,lowerdir=/var/lib/docker/`,
		"mountinfo":   `(?s)^[0-9]+ [0-9]+ 0:[0-9]+ / / rw,relatime - overlay overlay rw,lowerdir=.*/containers/3f9c1e7a0b52[0-9a-f]{52}/hostname /etc/hostname `,
		"cgroup":      `^0::/$`,
		"filesystems": `(?m)^\text4$`,
		"devices":     `(?s)/dev/core -> /proc/kcore\n?.*drwxrwxrwt.*/dev/mqueue|drwxrwxrwt.*/dev/mqueue.*/dev/core -> /proc/kcore`,
		"vendor":      `^Dell Inc\.$`,
		"host":        `^3f9c1e7a0b52$`,
		"names":       `(?s)\bkallsyms\n.*\bpartitions\n.*\beth0\n.*\bmemory\.max\b`,
	} {
		if !regexp.MustCompile(want).MatchString(said[name]) {
			t.Errorf("%s: %q, want %s", name, said[name], want)
		}
	}
	for name, never := range map[string]string{
		"cpuinfo": `hypervisor|: unknown`, "mounts": `dentry_cache|\bnone\b`, "mountinfo": `dentry_cache|\bnone\b`, "filesystems": `9p|erofs`, "names": `gvisor|sentry`,
	} {
		if found := regexp.MustCompile(never).FindString(said[name]); said[name] == "" || found != "" {
			t.Errorf("%s says %q: %q", name, found, said[name])
		}
	}
	up := strings.Fields(said["uptime"])
	seconds, _ := strconv.ParseFloat(up[0], 64)
	boot, now := 0, 0
	if n := len(up); n > 3 {
		boot, _ = strconv.Atoi(up[n-2])
		now, _ = strconv.Atoi(up[n-1])
	}
	if seconds < 50*3600 || seconds > 51*3600 || !strings.Contains(said["uptime"], "up 2 days,  2:") || now-boot < 50*3600 || now-boot > 51*3600 {
		t.Errorf("up: %q", said["uptime"])
	}
	cpus := strings.Fields(said["cpus"])
	n, _ := strconv.Atoi(cpus[0])
	if n < 4 || cpus[1] != "0-"+strconv.Itoa(n-1) || cpus[2] != cpus[0] || strings.Count(said["cpuinfo"], "processor\t") != n {
		t.Errorf("processors: %q", cpus)
	}
	if kb, _ := strconv.Atoi(strings.Fields(said["memory"] + " x x")[1]); kb < 4<<20 {
		t.Errorf("memory: %d kB", kb)
	}
}

// Nothing that can be read says what this is: not in /proc, not in /sys, not in
// a /proc that the guest mounts itself, and not to one with all rights.
func TestNothingSaysGVisor(t *testing.T) {
	said := ask(t, func(s *runtime.Spec) { s.Process.Capabilities = everyCapability }, `
mkdir /tmp/p; cd /tmp; mount -t proc proc p || echo no mount
echo; echo "== contents"; timeout 120 grep -rilE '[g]visor|[r]unsc|[s]entry' /proc /sys /tmp/p 2>/dev/null
echo "== names"; find /proc /sys /tmp/p 2>/dev/null | grep -iE '[g]visor|[r]unsc|[s]entry'
echo "== dmesg"; dmesg
echo "== proc"; cat /tmp/p/version
echo "== seen"; find /proc /sys /tmp/p 2>/dev/null | wc -l
`)
	if said["contents"] != "" || said["names"] != "" {
		t.Errorf("found in %q, and as %q", said["contents"], said["names"])
	}
	if log := said["dmesg"]; !strings.Contains(log, "Linux version 5.15.0-105-generic") || regexp.MustCompile(`(?i)gvisor|spline|runsc`).MatchString(log) {
		t.Errorf("dmesg says %q", log)
	}
	if !strings.HasPrefix(said["proc"], "Linux version 5.15.0-105-generic") {
		t.Errorf("another /proc says %q", said["proc"])
	}
	if n, _ := strconv.Atoi(said["seen"]); n < 200 {
		t.Errorf("only %d files were looked at", n)
	}
}

// everyCapability is what a privileged container has.
var everyCapability = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
	"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_MODULE", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_TIME", "CAP_MKNOD", "CAP_SYSLOG",
}
