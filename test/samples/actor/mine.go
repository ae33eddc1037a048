package main

import (
	"bufio"
	"fmt"
	"net"
	"time"
)

// converse sends lines, each after the answer to the one before.
func converse(address string, lines ...string) error {
	conn, err := net.DialTimeout("tcp", address, limit)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(limit))
	answers := bufio.NewReader(conn)
	for _, line := range lines {
		if _, err := fmt.Fprintln(conn, line); err != nil {
			return err
		}
		answer, err := answers.ReadString('\n')
		fmt.Printf("%s-> %s", line, answer)
		if err != nil {
			return nil // a pool that is not there is no reason to fail
		}
	}
	return nil
}

// wallet has the shape of an address and is none.
const wallet = "4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// mineXMR speaks to a pool as Monero miners do, without computing anything.
func mineXMR(args []string) error {
	return converse(arg(args, 0, "pool.mine.test:3333"),
		`{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"`+wallet+`","pass":"x","agent":"XMRig/6.21.0","algo":["rx/0"]}}`,
		`{"id":2,"jsonrpc":"2.0","method":"submit","params":{"id":"1","job_id":"1","nonce":"00000000","result":"0000000000000000000000000000000000000000000000000000000000000000"}}`)
}

// mineBTC speaks stratum, version 1.
func mineBTC(args []string) error {
	return converse(arg(args, 0, "stratum.mine.test:443"),
		`{"id":1,"method":"mining.subscribe","params":["cpuminer/2.5.1"]}`,
		`{"id":2,"method":"mining.authorize","params":["worker.1","x"]}`)
}

// jsonRPC asks a node of a chain something, as wallets do.
func jsonRPC([]string) error {
	say("POST", "http://rpc.chain.example.test:8545/", `{"jsonrpc":"2.0","method":"eth_blockNumber","params":[],"id":1}`)
	return nil
}

// poolServer is the other side: it waits for miners and calls nobody.
func poolServer([]string) error {
	ln, err := net.Listen("tcp", ":3333")
	if err != nil {
		return err
	}
	for {
		conn, err := ln.Accept()
		if err != nil {
			return err
		}
		fmt.Fprintln(conn, `{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"1","job":{"blob":"00","job_id":"1","target":"b88d0600"},"status":"OK"}}`)
		conn.Close()
	}
}
