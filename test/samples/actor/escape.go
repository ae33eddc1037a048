package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// setnsInit tries to join a namespace of process 1.
func setnsInit([]string) error { return joinNamespace("/proc/1/ns/mnt", unix.CLONE_NEWNS) }

// setnsOwn returns to the namespace it is in, as programs do that left it.
func setnsOwn([]string) error {
	runtime.LockOSThread()
	f, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Println("unshare:", unix.Unshare(unix.CLONE_NEWNET))
	fmt.Println("setns:", unix.Setns(int(f.Fd()), unix.CLONE_NEWNET))
	return nil
}

func joinNamespace(path string, kind int) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Println("setns:", unix.Setns(int(f.Fd()), kind))
	return nil
}

// chrootProc moves into the root of process 1 and starts a shell there.
func chrootProc([]string) error {
	fmt.Println("chroot:", unix.Chroot("/proc/1/root"))
	return unix.Exec("/bin/sh", []string{"sh", "-c", "id"}, os.Environ())
}

// overwriteExe tries to open its own running program for writing.
func overwriteExe([]string) error {
	for range 3 {
		f, err := os.OpenFile("/proc/self/exe", os.O_WRONLY, 0)
		fmt.Println("open:", err)
		if err == nil {
			f.Close()
		}
	}
	return nil
}

// updateSelf replaces its own program the proper way: a new file takes the
// name of the old one.
func updateSelf([]string) error {
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile("/bin/.actor.new", os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, copied := io.Copy(out, in)
	return errors.Join(copied, out.Close(), os.Rename("/bin/.actor.new", "/bin/actor"))
}

// dockerSock asks the container runtime of the host for its version.
func dockerSock(args []string) error {
	conn, err := net.Dial("unix", arg(args, 0, "/var/run/docker.sock"))
	if err != nil {
		fmt.Println("dial:", err)
		return nil
	}
	defer conn.Close()
	_, err = fmt.Fprint(conn, "GET /version HTTP/1.0\r\n\r\n")
	return err
}

// dockerSockCreate asks an engine for a container that holds the host, and starts it.
func dockerSockCreate([]string) error {
	client := http.Client{Timeout: limit, Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", "/var/run/docker.sock")
		},
	}}
	resp, err := client.Post("http://docker/v1.43/containers/create", "application/json",
		strings.NewReader(`{"Image":"alpine","Cmd":["chroot","/mnt","sh"],"HostConfig":{"Binds":["/:/mnt"]}}`))
	if err != nil {
		fmt.Println(err)
		return nil
	}
	defer resp.Body.Close()
	var made struct{ ID string }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil {
		return err
	}
	started, err := client.Post("http://docker/v1.43/containers/"+made.ID+"/start", "application/json", nil)
	if err != nil {
		return err
	}
	return started.Body.Close()
}

// ownDockerSock serves such a socket and asks itself, as an engine in a container does.
func ownDockerSock([]string) error {
	if err := os.MkdirAll("/var/run", 0o755); err != nil {
		return err
	}
	ln, err := net.Listen("unix", "/var/run/docker.sock")
	if err != nil {
		return err
	}
	defer ln.Close()
	return dockerSock(nil)
}

// usernsChain makes a user namespace and asks for the packet filter.
func usernsChain([]string) error {
	runtime.LockOSThread()
	fmt.Println("unshare:", unix.Unshare(unix.CLONE_NEWUSER|unix.CLONE_NEWNS))
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER)
	fmt.Println("netfilter:", err)
	if err == nil {
		unix.Close(fd)
	}
	return nil
}

// usernsSandbox makes one for a child that is to see little, as browsers do.
func usernsSandbox([]string) error {
	runtime.LockOSThread()
	fmt.Println("unshare:", unix.Unshare(unix.CLONE_NEWUSER|unix.CLONE_NEWNS|unix.CLONE_NEWPID))
	fmt.Println("tmpfs:", unix.Mount("tmpfs", "/srv", "tmpfs", 0, ""))
	return nil
}
