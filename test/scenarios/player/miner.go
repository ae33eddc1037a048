package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"crypto/tls"
)

// share is what a miner submits when it has found something; there is nothing in it.
const share = `{"id":2,"jsonrpc":"2.0","method":"submit","params":{"id":"1","job_id":"1","nonce":"00000000","result":"0000000000000000000000000000000000000000000000000000000000000000"}}`

// miner speaks to the pool that its arguments name, as Monero miners do, and
// keeps the processors busy for a while without computing anything.
func miner(args []string) error {
	pool, user, password := "", "", "x"
	for i, a := range args {
		name, value, joined := strings.Cut(a, "=")
		if !joined {
			value = arg(args, i+1, "")
		}
		switch name {
		case "-o", "--url":
			pool = value
		case "-u", "--user":
			user = value
		case "-p", "--pass":
			password = value
		}
	}
	if _, after, ok := strings.Cut(pool, "://"); ok {
		pool = after
	}
	conn, err := dial(pool)
	if err != nil {
		return err
	}
	return mine(conn, user, password)
}

// quietMiner reads what it needs from a file, and mines within TLS.
func quietMiner(args []string) error {
	b, err := os.ReadFile(arg(args, 0, "/etc/app.json"))
	if err != nil {
		return err
	}
	var settings struct{ Server, User, Pass string }
	if err := json.Unmarshal(b, &settings); err != nil {
		return err
	}
	conn, err := dial(settings.Server)
	if err != nil {
		return err
	}
	return mine(tls.Client(conn, &tls.Config{InsecureSkipVerify: true}), settings.User, settings.Pass)
}

func mine(conn net.Conn, user, password string) error {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	answers := bufio.NewReader(conn)
	done := make(chan struct{})
	for range 2 {
		go burn(done)
	}
	defer close(done)
	login, err := json.Marshal(map[string]any{"id": 1, "jsonrpc": "2.0", "method": "login",
		"params": map[string]any{"login": user, "pass": password, "agent": "XMRig/6.21.0 (Linux x86_64)", "algo": []string{"rx/0"}}})
	if err != nil {
		return err
	}
	for _, line := range []string{string(login), share, share, share} {
		if _, err := fmt.Fprintln(conn, line); err != nil {
			return err
		}
		answer, err := answers.ReadString('\n')
		fmt.Printf("pool: %s", answer)
		if err != nil {
			return nil // a pool that hangs up is no reason to fail
		}
		time.Sleep(time.Second)
	}
	return nil
}

// burn keeps one processor busy until done.
func burn(done <-chan struct{}) {
	for n := 0; ; n++ {
		if n%1_000_000 == 0 {
			select {
			case <-done:
				return
			default:
			}
		}
	}
}
