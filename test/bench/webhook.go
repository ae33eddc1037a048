package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// perPod is how many images a pod of the webhook's bench has.
const perPod = 3

// inFlight is how many reviews are asked at the same time.
const inFlight = 16

// webhookBench measures admission reviews over TLS, of the gate and of any other
// webhook that runs already.
type webhookBench struct {
	lasts   time.Duration
	figures map[string][]float64
	rows    []string
	peers   []admitter
}

// admitter is a validating webhook under test.
type admitter struct {
	name string
	url  string
	pid  int
	http *http.Client
}

// runWebhook is `bench webhook`.
func runWebhook(args []string) error {
	flags := flag.NewFlagSet("bench webhook", flag.ExitOnError)
	gatePath := flags.String("sallyport", "", "the gate's binary")
	dir := flags.String("dir", "", "scratch folder")
	rounds := flags.Int("rounds", 3, "how often all is done; medians are printed; 0: only what -memory says")
	lasts := flags.Duration("for", 10*time.Second, "how long each flood lasts")
	images := flags.Int("images", 100, "known images that pods are made of")
	memory := flags.Int("memory", 0, "also ask so many reviews of 10,000 images, and print the memory as it goes (the target is for 1,000,000)")
	b := &webhookBench{figures: map[string][]float64{}}
	flags.Func("peer", "another webhook in the same run, as NAME=PID=URL; its certificate is not checked", b.addPeer)
	_ = flags.Parse(args) // exits
	b.lasts = *lasts
	if err := os.MkdirAll(*dir, 0o755); err != nil {
		return err
	}
	if *memory > 0 {
		if err := b.remember(*gatePath, *dir, *memory); err != nil {
			return err
		}
	}
	if *rounds == 0 {
		return nil
	}
	up := newUpstream()
	defer up.server.Close()
	names, err := up.many(*images)
	if err != nil {
		return err
	}
	for range *rounds {
		own, stop, err := startWebhook(*gatePath, *dir, up.host)
		if err != nil {
			return err
		}
		for _, a := range append([]admitter{own}, b.peers...) {
			if err = b.measure(a, reviews(names, perPod)); err != nil {
				break
			}
		}
		stop()
		if err != nil {
			return err
		}
	}
	b.print()
	return nil
}

func (b *webhookBench) addPeer(s string) error {
	parts := strings.SplitN(s, "=", 3)
	if len(parts) != 3 {
		return errors.New("write NAME=PID=URL")
	}
	pid, err := strconv.Atoi(parts[1])
	if err != nil {
		return fmt.Errorf("%q is no process: %w", parts[1], err)
	}
	b.peers = append(b.peers, admitter{parts[0], parts[2], pid, admissionClient(&tls.Config{InsecureSkipVerify: true})})
	return nil
}

// admissionClient keeps connections as the API server does.
func admissionClient(c *tls.Config) *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: c, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: inFlight, MaxConnsPerHost: inFlight,
	}}
}

// startWebhook starts the gate's webhook alone, with its built-in policies and
// a registry.
func startWebhook(program, dir, upstream string) (admitter, func(), error) {
	dir, err := os.MkdirTemp(dir, "webhook")
	if err != nil {
		return admitter{}, nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return admitter{}, nil, err
	}
	address := ln.Addr().String()
	ln.Close()
	file := filepath.Join(dir, "sallyport.yaml")
	text := fmt.Sprintf("data: %[1]s/data\nwebhook: {listen: %[2]q, names: [127.0.0.1]}\nproxy:\n  upstreams: [{registry: bench.test, endpoints: [\"http://%[3]s\"]}]\n  default_upstream: bench.test\n"+
		"metrics: {listen: \"127.0.0.1:0\"}\nsandbox: {local: false}\n", dir, address, upstream)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return admitter{}, nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return admitter{}, nil, err
	}
	defer log.Close()
	cmd := exec.Command(program, "webhook", "--config", file)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return admitter{}, nil, err
	}
	stop := func() { (&running{cmd: cmd, dir: dir}).stop() }
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		ca, err := os.ReadFile(filepath.Join(dir, "data", "webhook", "ca.crt"))
		if err == nil {
			if conn, err := net.Dial("tcp", address); err == nil {
				conn.Close()
				roots := x509.NewCertPool()
				roots.AppendCertsFromPEM(ca)
				return admitter{"sallyport", "https://" + address + "/validate?timeout=10s", cmd.Process.Pid, admissionClient(&tls.Config{RootCAs: roots})}, stop, nil
			}
		}
		if time.Now().After(end) {
			stop()
			said, _ := os.ReadFile(log.Name())
			return admitter{}, nil, fmt.Errorf("the webhook does not start:\n%s", said)
		}
	}
}

// measure asks until each image is known, and then as fast as answers come, at
// 300 and at 1,000 reviews per second.
func (b *webhookBench) measure(a admitter, bodies [][]byte) error {
	for _, body := range bodies {
		if err := a.review(body); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
	for _, rate := range []float64{0, 300, 1000} {
		m := watch(a.pid)
		f, err := a.flood(bodies, rate, b.lasts, 0)
		cpu, _ := m.stop()
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		_, rss := processTree(a.pid)
		as := "as fast as answers come"
		if rate > 0 {
			as = fmt.Sprintf("at %g/s", rate)
		} else {
			b.note("reviews/s, "+as, a, f.perSecond)
		}
		b.note("CPU µs each, "+as, a, cpu*1e6/float64(len(f.latencies)))
		b.note("p50 ms, "+as, a, f.at(.5))
		b.note("p99 ms, "+as, a, f.at(.99))
		b.note("MB in use after it, "+as, a, rss)
	}
	return nil
}

// remember asks n reviews of pods of 10,000 images, and prints the memory.
func (b *webhookBench) remember(program, dir string, n int) error {
	up := newUpstream()
	defer up.server.Close()
	names, err := up.many(10_000)
	if err != nil {
		return err
	}
	a, stop, err := startWebhook(program, dir, up.host)
	if err != nil {
		return err
	}
	defer stop()
	bodies := reviews(names, perPod)
	cpu, idle := processTree(a.pid)
	fmt.Printf("reviews  MB in use  reviews/s  CPU µs each\n%7d  %9.0f\n", 0, idle)
	const steps = 10
	for i := range steps {
		at := n / steps * i % len(bodies) // each step goes on where the last one ended
		f, err := a.flood(slices.Concat(bodies[at:], bodies[:at]), 0, 0, n/steps)
		if err != nil {
			return err
		}
		now, rss := processTree(a.pid)
		fmt.Printf("%7d  %9.0f  %9.0f  %11.0f\n", n/steps*(i+1), rss, f.perSecond, (now-cpu)*1e6/float64(n/steps))
		cpu = now
	}
	return nil
}

// flooded is what came of a flood.
type flooded struct {
	perSecond float64
	latencies []time.Duration // sorted
}

func (f flooded) at(q float64) float64 {
	return float64(f.latencies[int(q*float64(len(f.latencies)-1))].Microseconds()) / 1000
}

// flood asks for reviews in turn, at most rate per second (0 for no limit), for
// a while, or so many as count says.
func (a admitter) flood(bodies [][]byte, rate float64, lasts time.Duration, count int) (flooded, error) {
	var (
		next   atomic.Int64
		mu     sync.Mutex
		all    []time.Duration
		failed error
		wg     sync.WaitGroup
		start  = time.Now()
	)
	for range inFlight {
		wg.Go(func() {
			var own []time.Duration
			var err error
			for err == nil {
				n := next.Add(1)
				if rate > 0 {
					time.Sleep(time.Until(start.Add(time.Duration(float64(n) / rate * float64(time.Second)))))
				}
				if count > 0 && n > int64(count) || count == 0 && time.Since(start) > lasts {
					break
				}
				sent := time.Now()
				err = a.review(bodies[int(n)%len(bodies)])
				own = append(own, time.Since(sent))
			}
			mu.Lock()
			defer mu.Unlock()
			all, failed = append(all, own...), errors.Join(failed, err)
		})
	}
	wg.Wait()
	took := time.Since(start).Seconds()
	slices.Sort(all)
	return flooded{float64(len(all)) / took, all}, failed
}

var errDenied = errors.New("the pod is denied")

// review posts one review. A denial is an error.
func (a admitter) review(body []byte) error {
	resp, err := a.http.Post(a.url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Response *struct {
			Allowed bool `json:"allowed"`
			Status  struct {
				Message string `json:"message"`
			} `json:"status"`
		} `json:"response"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Response == nil {
		return fmt.Errorf("%s: %.200s", resp.Status, text)
	}
	if !answer.Response.Allowed {
		return fmt.Errorf("%w: %s", errDenied, answer.Response.Status.Message)
	}
	return nil
}

// reviews makes the review of one pod for each image, with the following ones
// beside it.
func reviews(images []string, perPod int) [][]byte {
	bodies := make([][]byte, len(images))
	for i := range images {
		var containers []map[string]any
		for c := range perPod {
			containers = append(containers, map[string]any{"name": fmt.Sprintf("c%d", c), "image": images[(i+c)%len(images)]})
		}
		kind := map[string]any{"group": "", "version": "v1", "kind": "Pod"}
		resource := map[string]any{"group": "", "version": "v1", "resource": "pods"}
		name := fmt.Sprintf("pod-%d", i)
		// Maps of strings, numbers and lists: cannot fail.
		bodies[i], _ = json.Marshal(map[string]any{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": map[string]any{
			"uid": fmt.Sprintf("00000000-0000-0000-0000-%012d", i), "kind": kind, "requestKind": kind, "resource": resource, "requestResource": resource,
			"name": name, "namespace": "default", "operation": "CREATE", "dryRun": false,
			"userInfo": map[string]any{"username": "bench", "groups": []string{"system:authenticated"}},
			"object": map[string]any{"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name, "namespace": "default"},
				"spec": map[string]any{"containers": containers}},
		}})
	}
	return bodies
}

func (b *webhookBench) note(row string, a admitter, value float64) {
	if !slices.Contains(b.rows, row) {
		b.rows = append(b.rows, row)
	}
	key := row + ", " + a.name
	b.figures[key] = append(b.figures[key], value)
}

// print writes the medians as a table.
func (b *webhookBench) print() {
	names := []string{"sallyport"}
	for _, p := range b.peers {
		names = append(names, p.name)
	}
	fmt.Printf("| pods of %d known images, %d in flight, TLS | %s |\n| --- |%s\n", perPod, inFlight, strings.Join(names, " | "), strings.Repeat(" ---: |", len(names)))
	for _, row := range b.rows {
		fmt.Printf("| %s |", row)
		for _, n := range names {
			values := slices.Sorted(slices.Values(b.figures[row+", "+n]))
			if len(values) == 0 {
				fmt.Print(" |")
				continue
			}
			fmt.Printf(" %.4g |", values[len(values)/2])
		}
		fmt.Println()
	}
}
