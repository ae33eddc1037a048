package main

import (
	"fmt"
	"time"
)

// firsts is how many images' first bytes are waited for in each round.
const firsts = 20

// firstImage is the repository of one of them.
func firstImage(i int) string { return fmt.Sprintf("bench/first-%d", i) }

// firstByte pulls manifests of images that a server has not, one after the
// other: the first byte of each can come no sooner than that of upstream.
func (b *bench) firstByte(r *running) error {
	b.up.set(0, 0)
	client := newClient()                                                             // one connection, as an engine that pulls has
	if _, _, err := manifest(client, r.repository("bench/small"), "v1"); err != nil { // a server that has just started does more than answer
		return err
	}
	b.up.set(20*time.Millisecond, 100e6)
	var answer, trip []float64
	m := watch(r.cmd.Process.Pid)
	for i := range firsts {
		name := firstImage(i)
		_, first, err := manifest(client, r.repository(name), "v1")
		if err != nil {
			return err
		}
		answer = append(answer, float64(first.Microseconds())/1000)
		// The same from upstream itself: what this machine makes of 20 ms.
		if _, first, err = manifest(b.direct, b.up.server.URL+"/v2/"+name, "v1"); err != nil {
			return err
		}
		trip = append(trip, float64(first.Microseconds())/1000)
		time.Sleep(100 * time.Millisecond) // what the pull set off in the background is over
	}
	cpu, _ := m.stop()
	b.add("first manifest byte, far (20 ms): ms", r.name, median(answer))
	b.add("first manifest byte, far (20 ms): ms", "direct", median(trip))
	b.add("first manifest byte, far (20 ms): CPU ms, with all that follows", r.name, cpu*1000/firsts)
	return nil
}
