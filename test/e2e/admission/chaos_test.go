package admission

import (
	"context"
	"net"
	"os/exec"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
	"github.com/sallyport-dev/sallyport/test/e2e/gate"
	"github.com/sallyport-dev/sallyport/test/e2e/process"
)

// TestChaos takes away one part after the other while pods are made. With
// failurePolicy Fail nothing denied slips in, and nothing allowed is lost that
// is tried again.
func TestChaos(t *testing.T) {
	s := stage(t)
	redis := startRedis(t)
	storage := t.TempDir()
	settings := gate.Settings{
		Upstream: s.images, Redis: "redis://" + redis.address + "/0",
		YAML: "storage: {filesystem: {rootdirectory: " + storage + "}}\n",
	}
	a, b := gate.Start(t, settings), gate.Start(t, settings)
	balancer := gate.StartBalancer(t, a.Webhook, b.Webhook)
	s.gate = a
	s.namespace = s.Namespace(t, a.Label())
	a.Register(t, s.Cluster, s.namespace, gate.Registration{Address: balancer.Address, Timeout: 5, CA: append(a.CA(t), b.CA(t)...)})

	f := s.startFlow(t, 4, 10*time.Millisecond)
	f.settle(t, 10)
	for _, c := range []struct {
		name       string
		take, give func(testing.TB)
		serves     bool // meanwhile
	}{
		{"a replica is killed", a.Kill, a.Run, true},
		{"the other replica is killed", b.Kill, b.Run, true},
		{"a replica is told to end", a.Stop, a.Run, true},
		{"both are gone", func(t testing.TB) { a.Stop(t); b.Kill(t) }, func(t testing.TB) { b.Run(t); a.Run(t) }, false},
		{"Redis is killed", redis.kill, redis.run, true},
		{"the connections of the API server are cut", func(testing.TB) { balancer.Cut() }, func(testing.TB) { balancer.Mend() }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.take(t)
			if c.serves {
				f.settle(t, 10)
			} else {
				f.falter(t)
			}
			c.give(t)
			f.settle(t, 10)
		})
	}
	f.end(t)
}

// TestRollingRestart replaces one replica after the other, as an upgrade does:
// not one review fails.
func TestRollingRestart(t *testing.T) {
	s := stage(t)
	settings := gate.Settings{Upstream: s.images, YAML: "shutdown: {delay: 1s}\n"}
	a, b := gate.Start(t, settings), gate.Start(t, settings)
	balancer := gate.StartBalancer(t, a.Webhook, b.Webhook)
	s.gate = a
	s.namespace = s.Namespace(t, a.Label())
	a.Register(t, s.Cluster, s.namespace, gate.Registration{Address: balancer.Address, CA: append(a.CA(t), b.CA(t)...)})
	f := s.startFlow(t, 4, 10*time.Millisecond)
	f.settle(t, 10)
	for _, replica := range []*gate.Gate{a, b} {
		replica.Stop(t)
		f.settle(t, 10)
		replica.Run(t)
		f.settle(t, 10)
	}
	f.end(t)
	if len(f.retries) > 0 {
		t.Errorf("reviews failed: %v", f.retries)
	}
}

// redisServer is a real Redis.
type redisServer struct {
	address string
	dir     string
	p       *process.Process
}

func startRedis(t testing.TB) *redisServer {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		cluster.Missing(t, err.Error()+": `make deps` installs it")
	}
	address, err := process.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	r := &redisServer{address: address, dir: t.TempDir()}
	r.run(t)
	t.Cleanup(func() { r.kill(t) })
	return r
}

func (r *redisServer) run(t testing.TB) {
	t.Helper()
	_, port, _ := net.SplitHostPort(r.address)
	p, err := process.Start(r.dir, "redis", exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", r.dir))
	if err != nil {
		t.Fatal(err)
	}
	r.p = p
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Wait(ctx, func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.address)
		if err == nil {
			conn.Close()
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

func (r *redisServer) kill(testing.TB) { r.p.Kill() }
