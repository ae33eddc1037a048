package disguise

import (
	"fmt"
	"strings"
)

// Where Docker keeps a container's layers: names as it makes them.
const (
	layers  = "/var/lib/docker/overlay2/"
	current = "7c1d0a5b9e2f4836b0c9d8e7f6a5b4c3d2e1f0091b3c5d7e9f0a2b4c6d8e0f12"
	lower   = layers + "l/XK4VQ2M7TZ5B3C6D7E2F4G5H6J:" + layers + "l/QW3E5RT7YU2I4OP6AS7DF5GH3J"
	overlay = "lowerdir=" + lower + ",upperdir=" + layers + current + "/diff,workdir=" + layers + current + "/work"
	files   = "/var/lib/docker/containers/"
)

// mounted is a mount as the two tables show it.
type mounted struct{ source, kind, options, super string }

// asDocker is what Docker would have mounted where gVisor has something of its own.
func asDocker(point string, m mounted) mounted {
	if m.source == "none" {
		m.source = m.kind
	}
	switch {
	case point == "/" && m.kind == "overlay":
		m.super = overlay
	case m.kind == "dev", point == "/dev" && m.kind == "tmpfs":
		m.source, m.kind, m.super = "tmpfs", "tmpfs", "size=65536k,mode=755,inode64"
	case m.kind == "devpts":
		m.super = "gid=5,mode=620,ptmxmode=666"
	case point == "/dev/shm":
		m.source, m.super = "shm", "size=65536k,inode64"
	default:
		m.super = without(m.super, "dentry_cache_limit=")
	}
	if !strings.Contains(m.options, "noatime") {
		m.options += ",relatime"
	}
	return m
}

// without leaves out an option, and those that say rw or ro once more.
func without(options, name string) string {
	var kept []string
	for o := range strings.SplitSeq(options, ",") {
		if o != "" && !strings.HasPrefix(o, name) && o != "rw" && o != "ro" {
			kept = append(kept, o)
		}
	}
	return strings.Join(kept, ",")
}

// flags of a mount; what else there is belongs to the file system.
var mountFlags = map[string]bool{"rw": true, "ro": true, "nosuid": true, "nodev": true, "noexec": true, "noatime": true}

// mountTable rewrites /proc/PID/mounts: fields as in fstab(5).
func mountTable(table, _ string) string {
	var b strings.Builder
	whole := false
	for line := range strings.Lines(table) {
		f := strings.Fields(line)
		if len(f) != 6 {
			continue
		}
		var flags, super []string
		for o := range strings.SplitSeq(f[3], ",") {
			if mountFlags[o] {
				flags = append(flags, o)
			} else {
				super = append(super, o)
			}
		}
		m := asDocker(f[1], mounted{f[0], f[2], strings.Join(flags, ","), strings.Join(super, ",")})
		fmt.Fprintf(&b, "%s %s %s %s 0 0\n", m.source, f[1], m.kind, strings.Trim(m.options+","+m.super, ","))
		whole = whole || f[1] == "/"
	}
	if whole { // not that of a chroot
		b.WriteString("mqueue /dev/mqueue mqueue rw,nosuid,nodev,noexec,relatime 0 0\ncgroup /sys/fs/cgroup cgroup2 ro,nosuid,nodev,noexec,relatime,nsdelegate,memory_recursiveprot 0 0\n")
		for _, name := range engineFiles {
			fmt.Fprintf(&b, "%s /etc/%s ext4 rw,relatime,errors=remount-ro 0 0\n", disk, name)
		}
	}
	return b.String()
}

// engineFiles are those that an engine mounts into /etc.
var engineFiles = []string{"resolv.conf", "hostname", "hosts"}

// disk is the host's.
const disk = "/dev/sda1"

// container is the id of a container whose host name is its beginning.
func container(host string) string {
	const short = 12
	if len(host) != short {
		return current
	}
	return host + current[short:]
}

// mountInfo rewrites /proc/PID/mountinfo: proc(5).
func mountInfo(table, host string) string {
	var b strings.Builder
	whole, last, parent := false, 0, ""
	for line := range strings.Lines(table) {
		left, right, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if !ok || len(l) < 6 || len(r) < 3 {
			continue
		}
		m := asDocker(l[4], mounted{r[1], r[0], l[5], without(r[2], "dentry_cache_limit=")})
		access := "rw"
		if strings.HasPrefix(r[2], "ro") {
			access = "ro"
		}
		fmt.Fprintf(&b, "%s %s %s %s %s %s - %s %s %s\n", l[0], l[1], l[2], l[3], l[4], m.options, m.kind, m.source, strings.Trim(access+","+m.super, ","))
		_, _ = fmt.Sscan(l[0], &last)
		if l[4] == "/" {
			whole, parent = true, l[0]
		}
	}
	if whole {
		fmt.Fprintf(&b, "%d %s 0:27 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate,memory_recursiveprot\n", last+1, parent)
		for i, name := range engineFiles {
			fmt.Fprintf(&b, "%d %s 8:1 %s%s/%s /etc/%s rw,relatime - ext4 %s rw,errors=remount-ro\n", last+2+i, parent, files, container(host), name, name, disk)
		}
	}
	return b.String()
}
