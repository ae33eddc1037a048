package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mountDevice tries to mount a disk of the host. It fails; the try counts.
func mountDevice(args []string) error {
	if err := os.MkdirAll("/mnt/host", 0o755); err != nil {
		return err
	}
	fmt.Println("mount:", unix.Mount(arg(args, 0, "/dev/sda1"), "/mnt/host", "ext4", 0, ""))
	return nil
}

// mknodDevice makes the node of a disk and reads it.
func mknodDevice([]string) error {
	const node = "/dev/.disk"
	fmt.Println("mknod:", unix.Mknod(node, unix.S_IFBLK|0o600, int(unix.Mkdev(8, 1))))
	_, err := os.ReadFile(node)
	fmt.Println("open:", err)
	return nil
}

// mountTmpfs mounts what containers mount for themselves.
func mountTmpfs([]string) error {
	if err := os.MkdirAll("/mnt/work", 0o755); err != nil {
		return err
	}
	fmt.Println("tmpfs:", unix.Mount("tmpfs", "/mnt/work", "tmpfs", 0, "size=1m"))
	fmt.Println("proc:", unix.Mount("proc", "/mnt/work", "proc", 0, ""))
	fmt.Println("bind:", unix.Mount("/srv", "/mnt/work", "", unix.MS_BIND, ""))
	return nil
}
