package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// webserver serves a page.
func webserver(args []string) error {
	return http.ListenAndServe(":"+arg(args, 0, "8080"), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "<h1>It works</h1>")
	}))
}

// gosu becomes another user and the program that follows: gosu user program….
func gosu(args []string) error {
	if len(args) < 2 {
		return errors.New("give a user and a program")
	}
	b, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return err
	}
	for _, line := range lines(string(b)) {
		f := strings.Split(line, ":")
		if len(f) < 4 || f[0] != args[0] {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err := errors.Join(err1, err2, syscall.Setgroups([]int{gid}), syscall.Setgid(gid), syscall.Setuid(uid)); err != nil {
			return err
		}
		program, err := exec.LookPath(args[1])
		if err != nil {
			return err
		}
		return syscall.Exec(program, args[1:], os.Environ())
	}
	return fmt.Errorf("no user %s", args[0])
}

// postgres is a database server: shared memory, children, a port. With -D only
// the folder is looked at; with -k it listens on a socket for setting up and
// ends when told so.
func postgres(args []string) error {
	dir := os.Getenv("PGDATA")
	if _, err := os.Stat(filepath.Join(dir, "PG_VERSION")); err != nil {
		return err
	}
	if err := os.WriteFile("/dev/shm/PostgreSQL.1804289383", make([]byte, 8192), 0o600); err != nil {
		return err
	}
	defer os.Remove("/dev/shm/PostgreSQL.1804289383")
	if arg(args, 0, "") == "-k" {
		ln, err := net.Listen("unix", "/tmp/.s.PGSQL.5432")
		if err != nil {
			return err
		}
		defer ln.Close()
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
		<-stop
		return nil
	}
	ln, err := net.Listen("tcp4", ":5432")
	if err != nil {
		return err
	}
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		conn.Close()
	}
}

// java is a runtime that compiles: a library unpacked and mapped, pages that
// are written and executed, a look at its limits, a socket for its tools, and
// neighbours that its settings name.
func java([]string) error {
	library, err := os.ReadFile("/opt/app/lib/libsnappyjava.so")
	if err != nil {
		return err
	}
	const native = "/tmp/snappy-1.1.10-5f2c7d2e-libsnappyjava.so"
	if err := os.WriteFile(native, library, 0o755); err != nil {
		return err
	}
	f, err := os.Open(native)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_PRIVATE); err != nil {
		return err
	}
	code, err := unix.Mmap(-1, 0, 65536, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	code[0] = 0xc3
	if err := unix.Mprotect(code, unix.PROT_READ|unix.PROT_EXEC); err != nil {
		return err
	}
	for _, name := range []string{"/proc/cpuinfo", "/proc/meminfo", "/proc/self/cgroup", "/proc/self/mountinfo", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/cpu.max"} {
		b, err := os.ReadFile(name)
		fmt.Println(name, len(b), err)
	}
	ln, err := net.Listen("unix", fmt.Sprintf("/tmp/.java_pid%d", os.Getpid()))
	if err != nil {
		return err
	}
	defer ln.Close()
	for i := range 12 {
		host := fmt.Sprintf("cassandra-%d.cassandra.default.svc.cluster.local:7000", i)
		conn, err := dial(host)
		if err != nil {
			fmt.Println(err)
			continue
		}
		_, _ = conn.Write([]byte{0xca, 0x55, 0x2d, 0xfa, 0, 0, 0, 12})
		conn.Close()
	}
	return webserver([]string{"8080"})
}

// cloudApp finds its settings in the cluster and the cloud, as SDKs do.
func cloudApp([]string) error {
	token, err := os.ReadFile("/var/run/secrets/kubernetes.io/serviceaccount/token")
	if err != nil {
		return err
	}
	try(insecure, http.MethodGet, "https://kubernetes.default.svc/api/v1/namespaces/default/configmaps/app", "", "Authorization", "Bearer "+strings.TrimSpace(string(token)))
	session := try(web, http.MethodPut, "http://169.254.169.254/latest/api/token", "", "X-aws-ec2-metadata-token-ttl-seconds", "21600")
	for _, what := range []string{"placement/region", "iam/security-credentials/"} {
		try(web, http.MethodGet, "http://169.254.169.254/latest/meta-data/"+what, "", "X-aws-ec2-metadata-token", session)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(home, ".aws", "credentials"))
	if err != nil {
		return err
	}
	id := ""
	for _, line := range lines(string(b)) {
		if name, value, ok := strings.Cut(line, "="); ok && strings.TrimSpace(name) == "aws_access_key_id" {
			id = strings.TrimSpace(value)
		}
	}
	try(web, http.MethodGet, "https://s3.amazonaws.com/app-settings/settings.json", "",
		"Authorization", "AWS4-HMAC-SHA256 Credential="+id+"/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0000")
	return webserver([]string{"8080"})
}

// nodeAgent watches a node: its processes, its containers, its kubelet. It
// tells its master every ten seconds.
func nodeAgent([]string) error {
	for i := range 4 {
		if i > 0 {
			time.Sleep(10 * time.Second)
		}
		list, err := filepath.Glob("/proc/[0-9]*/stat")
		if err != nil {
			return err
		}
		for _, name := range list {
			_, _ = os.ReadFile(name) // it may be gone
		}
		for n := range 4 {
			for _, suffix := range []string{".monitoring.svc.cluster.local", ".svc.cluster.local", ".cluster.local"} {
				_, _ = net.LookupHost(fmt.Sprintf("exporter-%d%s", n, suffix))
			}
		}
		containers()
		try(web, http.MethodGet, "http://10.0.0.7:10255/metrics", "")
		try(web, http.MethodPost, "https://intake.metrics.example.test/v1/series", `{"series":[{"metric":"up","points":[1]}]}`, "Content-Type", "application/json")
	}
	return nil
}

// containers listens to the engine's events, where there is an engine.
func containers() {
	conn, err := net.Dial("unix", "/var/run/docker.sock")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprint(conn, "GET /events?since=0&until=1 HTTP/1.0\r\nHost: docker\r\n\r\n")
	_, _ = conn.Read(make([]byte, 4096))
}

// sshd is a server for SSH: host keys made when there are none, its port, and
// nobody let in.
func sshd([]string) error {
	const file = "/etc/ssh/ssh_host_ed25519_key"
	b, err := os.ReadFile(file)
	if err != nil {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		block, err := ssh.MarshalPrivateKey(key, "host")
		if err != nil {
			return err
		}
		b = pem.EncodeToMemory(block)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			return err
		}
	}
	key, err := ssh.ParsePrivateKey(b)
	if err != nil {
		return err
	}
	cfg := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
		return nil, errors.New("not today")
	}}
	cfg.AddHostKey(key)
	ln, err := net.Listen("tcp4", ":22")
	if err != nil {
		return err
	}
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			_, _, _, err := ssh.NewServerConn(conn, cfg)
			fmt.Println(err)
		}()
	}
}

// backup sends an archive to the place that its settings name, every night.
func backup(args []string) error {
	b, err := os.ReadFile(arg(args, 0, "/backup/data.tar.gz"))
	if err != nil {
		return err
	}
	try(web, http.MethodPut, os.Getenv("BACKUP_TARGET")+"/data.tar.gz", string(b), "Content-Type", "application/gzip")
	return nil
}
