package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sallyport-dev/sallyport/sandbox/rootfs"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/upper"
	"github.com/sallyport-dev/sallyport/sandbox/sensor"
)

// DefaultCapabilities are what Docker gives a container.
func DefaultCapabilities() []string {
	return []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
		"CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
		"CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
	}
}

// AllCapabilities is what Docker gives a privileged container.
func AllCapabilities() []string {
	return append(DefaultCapabilities(),
		"CAP_DAC_READ_SEARCH", "CAP_LINUX_IMMUTABLE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
		"CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE",
		"CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_LEASE", "CAP_AUDIT_CONTROL", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN",
		"CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ",
	)
}

// The files in a run's folder.
const (
	bundleDir   = "bundle"
	stateDir    = "state"
	injectTar   = "inject.tar"
	sessionJSON = "session.json"
	panicLog    = "panic.log"
	lockFile    = "lock"
)

// writeBundle fills dir with everything that runsc reads.
func writeBundle(dir string, image *rootfs.Root, spec *Spec) error {
	for _, d := range []string{bundleDir, bundleDir + "/rootfs", stateDir} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o700); err != nil {
			return err
		}
	}
	inject, err := os.OpenFile(filepath.Join(dir, injectTar), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(writeUpper(inject, image, spec), inject.Close()); err != nil {
		return fmt.Errorf("preparing the files to inject: %w", err)
	}
	session, err := sensor.SessionFile(sensor.Config{ReadsOf: spec.ReadsOf, Blind: spec.Blind, Time: spec.Time.sensor(), Lure: spec.Lure})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, sessionJSON), session, 0o600); err != nil {
		return err
	}
	config, err := json.Marshal(ociSpec(dir, spec))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, bundleDir, "config.json"), config, 0o600)
}

// writeUpper writes what the writable layer begins with.
func writeUpper(w io.Writer, image *rootfs.Root, spec *Spec) error {
	if spec.Layer == nil {
		return upper.Write(w, image, spec.Files)
	}
	tar, err := os.Open(spec.Layer.Path)
	if err != nil {
		return err
	}
	defer tar.Close()
	return upper.WriteAgain(w, image, spec.Files, upper.Layer{Tar: tar, Injected: spec.Layer.Injected, Mounts: mountPoints()})
}

// ociSpec describes the container as Docker would, without what the sandbox
// has no use for.
func ociSpec(dir string, s *Spec) *specs.Spec {
	caps := s.Process.Capabilities
	if caps == nil {
		caps = DefaultCapabilities()
	}
	capabilities := &specs.LinuxCapabilities{Bounding: caps, Permitted: caps}
	if s.Process.UID == 0 {
		capabilities.Effective = caps
	} else {
		// execve by another user clears them anyway; the kernel does so at start.
		capabilities.Permitted = nil
	}
	return &specs.Spec{
		Version:  specs.Version,
		Hostname: s.Hostname,
		Root:     &specs.Root{Path: filepath.Join(dir, bundleDir, "rootfs")},
		Process: &specs.Process{
			User:         specs.User{UID: s.Process.UID, GID: s.Process.GID, AdditionalGids: s.Process.Groups},
			Args:         s.Process.Args,
			Env:          s.Process.Env,
			Cwd:          s.Process.Cwd,
			Capabilities: capabilities,
			Rlimits: []specs.POSIXRlimit{
				rlimit("RLIMIT_NPROC", s.Limits.Processes),
				rlimit("RLIMIT_NOFILE", s.Limits.OpenFiles),
				rlimit("RLIMIT_CORE", 0),
			},
		},
		Mounts: mounts(),
		Annotations: map[string]string{
			"dev.gvisor.spec.rootfs.source":  s.Root,
			"dev.gvisor.spec.rootfs.type":    "erofs",
			"dev.gvisor.spec.rootfs.overlay": "memory",
			"dev.gvisor.spec.rootfs.options": fmt.Sprintf("size=%d", s.Limits.Disk),
			"dev.gvisor.tar.rootfs.upper":    filepath.Join(dir, injectTar),
		},
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace}, {Type: specs.MountNamespace}, {Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace}, {Type: specs.NetworkNamespace},
			},
		},
	}
}

// mounts are Docker's. Those on /dev/shm and the like are in memory and not
// part of the difference.
func mounts() []specs.Mount {
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm", Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
	}
}

func rlimit(name string, n int) specs.POSIXRlimit {
	return specs.POSIXRlimit{Type: name, Soft: uint64(n), Hard: uint64(n)}
}

// flags are runsc's, in front of the subcommand. The child's working directory
// is the run's folder: through it the path of the control socket stays below
// the 108 bytes that a socket's name may have, however long dir is.
func flags(dir string) []string {
	return []string{
		"--root=/proc/self/cwd/" + stateDir,
		"--rootless",
		"--ignore-cgroups",
		"--network=none", // the network card is handed over by start
		"--platform=systrap",
		"--directfs=false",
		"--host-settings=ignore",
		"--allow-suid",
		"--net-raw",
		"--allow-packet-socket-write",
		"--allow-rootfs-tar-annotation",
		"--pod-init-config=" + filepath.Join(dir, sessionJSON),
		"--panic-log=" + filepath.Join(dir, panicLog),
	}
}
