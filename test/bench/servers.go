package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// server is a program under test.
type server struct {
	name  string
	start func(dir, address string) (*exec.Cmd, error)
	base  string // path before the repository's name; empty for nginx, which has no manifests
}

// running is a server that was started, in a new folder.
type running struct {
	server
	cmd     *exec.Cmd
	address string
	dir     string
}

func (s server) run(dir string) (*running, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := ln.Addr().String()
	ln.Close()
	if dir, err = os.MkdirTemp(dir, s.name); err != nil {
		return nil, err
	}
	r := &running{server: s, address: address, dir: dir}
	if r.cmd, err = s.start(dir, address); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	r.cmd.Stdout, r.cmd.Stderr = log, log
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if resp, err := http.Get("http://" + address + "/v2/"); err == nil {
			resp.Body.Close()
			time.Sleep(500 * time.Millisecond) // until it idles
			return r, nil
		}
		if time.Now().After(end) {
			said, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("%s does not start:\n%s", s.name, said)
		}
	}
}

// repository is the address below which manifests and blobs are.
func (r *running) repository(name string) string {
	return "http://" + r.address + "/v2/" + r.base + name
}

func (r *running) stop() {
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { _ = r.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		_ = r.cmd.Process.Kill()
		<-done
	}
	os.RemoveAll(r.dir)
}

// gate is the real program with its built-in policies, which select no image
// of this bench: each pull is decided, and allowed.
func gate(program, upstream string) server {
	return server{name: "sallyport", base: "bench.test/", start: func(dir, address string) (*exec.Cmd, error) {
		config := filepath.Join(dir, "sallyport.yaml")
		text := fmt.Sprintf("data: %s/data\nproxy:\n  listen: %s\n  upstreams: [{registry: bench.test, endpoints: [\"http://%s\"]}]\n  default_upstream: bench.test\n"+
			"metrics: {listen: \"127.0.0.1:0\"}\nsandbox: {dir: %s/scratch}\n", dir, address, upstream, dir)
		return exec.Command(program, "proxy", "--config", config), os.WriteFile(config, []byte(text), 0o600)
	}}
}

func distribution(program, upstream string) server {
	return server{name: "distribution", start: func(dir, address string) (*exec.Cmd, error) {
		config := filepath.Join(dir, "registry.yaml")
		text := fmt.Sprintf("version: 0.1\nlog: {level: info}\nstorage:\n  filesystem: {rootdirectory: %s/data}\n  delete: {enabled: true}\nhttp: {addr: \"%s\"}\nproxy: {remoteurl: \"http://%s\"}\n", dir, address, upstream)
		cmd := exec.Command(program, "serve", config)
		cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none", "OTEL_SDK_DISABLED=true")
		return cmd, os.WriteFile(config, []byte(text), 0o600)
	}}
}

// nginx serves one blob as a file.
func nginx(program string, blob []byte) server {
	return server{name: "nginx", start: func(dir, address string) (*exec.Cmd, error) {
		if err := os.WriteFile(filepath.Join(dir, "blob"), blob, 0o644); err != nil {
			return nil, err
		}
		config, user := filepath.Join(dir, "nginx.conf"), ""
		if os.Geteuid() == 0 {
			user = "user root; " // else its workers are somebody who may not enter the folder
		}
		text := fmt.Sprintf(user+"daemon off; worker_processes auto; pid %[1]s/pid; error_log %[1]s/error;\nevents {}\nhttp { access_log off; sendfile on; tcp_nopush on; server { listen %[2]s; root %[1]s; } }\n", dir, address)
		return exec.Command(program, "-c", config, "-p", dir), os.WriteFile(config, []byte(text), 0o600)
	}}
}
