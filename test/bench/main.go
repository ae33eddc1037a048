package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// bench is one run.
type bench struct {
	dir     string
	rounds  int
	lasts   time.Duration
	up      *upstream
	direct  *http.Client // to up, with a connection that stays
	servers []server
	skip    []string             // parts
	big     v1.Image             // upstream, where it is pulled
	figures map[string][]float64 // by "row, server"
	rows    []string
}

// commands are what else the program does: the last two serve compare-webhook.
var commands = map[string]func(args []string) error{"webhook": runWebhook, "ports": printPorts, "denies": checkDenies}

func main() {
	if len(os.Args) > 1 && commands[os.Args[1]] != nil {
		if err := commands[os.Args[1]](os.Args[2:]); err != nil {
			fmt.Fprintf(os.Stderr, "bench %s: %v\n", os.Args[1], err)
			os.Exit(1)
		}
		return
	}
	gatePath := flag.String("sallyport", "", "the gate's binary")
	registryPath := flag.String("registry", "", "distribution's registry; none: it is left out")
	dir := flag.String("dir", "", "scratch folder, on the disk that is to be measured")
	rounds := flag.Int("rounds", 3, "how often all is done; medians are printed")
	lasts := flag.Duration("for", 5*time.Second, "how long each flood lasts")
	skip := flag.String("skip", "", "parts to leave out: warm,manifests,cold,first")
	flag.Parse()
	if err := run(*gatePath, *registryPath, *dir, *rounds, *lasts, strings.Split(*skip, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(gatePath, registryPath, dir string, rounds int, lasts time.Duration, skip []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	b := &bench{dir: dir, rounds: rounds, lasts: lasts, skip: skip, up: newUpstream(), direct: newClient(), figures: map[string][]float64{}}
	defer b.up.server.Close()
	if err := b.prepare(); err != nil {
		return err
	}
	b.servers = []server{gate(gatePath, b.up.host)}
	if registryPath != "" {
		b.servers = append(b.servers, distribution(registryPath, b.up.host))
	}
	for range rounds {
		if b.does("warm") {
			if err := b.warmBlob(); err != nil {
				return err
			}
		}
		if b.does("manifests") {
			if err := b.each(b.servers, b.manifests); err != nil {
				return err
			}
		}
		if b.does("cold") {
			if err := b.cold(); err != nil {
				return err
			}
		}
		if b.does("first") {
			if err := b.each(b.servers, b.firstByte); err != nil {
				return err
			}
		}
	}
	b.print()
	return nil
}

func (b *bench) does(part string) bool { return !slices.Contains(b.skip, part) }

// prepare stores upstream what is going to be pulled.
func (b *bench) prepare() (err error) {
	if b.does("warm") || b.does("cold") {
		if b.big, err = b.up.push("bench/big:v1", 10, 50<<20); err != nil {
			return err
		}
	}
	for at, layers := range map[string]int{"bench/many:v1": 200, "bench/small:v1": 1} {
		if _, err := b.up.push(at, layers, 16<<10); err != nil {
			return err
		}
	}
	for i := range firsts {
		if _, err := b.up.push(firstImage(i)+":v1", 10, 16<<10+int64(i)); err != nil {
			return err
		}
	}
	return nil
}

func firstLayer(img v1.Image) (blob []byte, path string, err error) {
	layers, err := img.Layers()
	if err != nil {
		return nil, "", err
	}
	d, err := layers[0].Digest()
	if err != nil {
		return nil, "", err
	}
	r, err := layers[0].Compressed()
	if err != nil {
		return nil, "", err
	}
	defer r.Close()
	blob, err = io.ReadAll(r)
	return blob, "/blobs/" + d.String(), err
}

// each does work with each server, started anew.
func (b *bench) each(servers []server, work func(*running) error) error {
	for _, s := range servers {
		r, err := s.run(b.dir)
		if err != nil {
			return err
		}
		err = work(r)
		r.stop()
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (b *bench) add(row, server string, value float64) {
	if !slices.Contains(b.rows, row) {
		b.rows = append(b.rows, row)
	}
	b.figures[row+", "+server] = append(b.figures[row+", "+server], value)
}

// warmBlob has each server, and nginx, serve one blob that it has.
func (b *bench) warmBlob() error {
	blob, path, err := firstLayer(b.big)
	if err != nil {
		return err
	}
	servers := b.servers
	if program, err := exec.LookPath("nginx"); err == nil {
		servers = append(slices.Clone(servers), nginx(program, blob))
	} else {
		fmt.Fprintln(os.Stderr, "bench: no nginx on PATH; it is left out")
	}
	return b.each(servers, func(r *running) error { return b.warm(r, path) })
}

// warm floods a server with one blob that it has.
func (b *bench) warm(r *running, path string) error {
	b.up.set(0, 0)
	url := "http://" + r.address + "/blob"
	if r.name != "nginx" {
		url = r.repository("bench/big") + path
		if _, _, err := manifest(newClient(), r.repository("bench/big"), "v1"); err != nil {
			return err
		}
	}
	if _, err := drain(newClient(), url, make([]byte, 1<<20)); err != nil {
		return err
	}
	time.Sleep(time.Second) // what the first pull left is tidied up
	for _, clients := range []int{1, 32} {
		m := watch(r.cmd.Process.Pid)
		bytes, seconds, err := flood(url, clients, b.lasts)
		cpu, above := m.stop()
		if err != nil {
			return err
		}
		row := fmt.Sprintf("warm blob, %d clients: ", clients)
		b.add(row+"MB/s", r.name, float64(bytes)/1e6/seconds)
		b.add(row+"CPU s/GB", r.name, cpu/(float64(bytes)/1e9))
		if clients > 1 {
			b.add(row+"MB of memory above idle", r.name, above)
		}
	}
	return nil
}

var requestsPerSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

// manifests asks for one manifest by tag and by digest, with wrk.
func (b *bench) manifests(r *running) error {
	wrk, err := exec.LookPath("wrk")
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: no wrk on PATH; manifests are left out")
		return nil
	}
	b.up.set(0, 0)
	base := r.repository("bench/small")
	client := newClient()
	req, err := http.NewRequest(http.MethodHead, base+"/manifests/v1", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", accept)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	for _, which := range []struct{ row, ref string }{{"digest", resp.Header.Get("Docker-Content-Digest")}, {"fresh tag", "v1"}} {
		if _, _, err := manifest(client, base, which.ref); err != nil {
			return err
		}
		m := watch(r.cmd.Process.Pid)
		out, err := exec.Command(wrk, "-t2", "-c32", "-d"+strconv.Itoa(int(b.lasts.Seconds()))+"s", "-H", "Accept: "+accept, base+"/manifests/"+which.ref).CombinedOutput()
		cpu, _ := m.stop()
		found := requestsPerSecond.FindSubmatch(out)
		if err != nil || found == nil || strings.Contains(string(out), "Non-2xx") {
			return fmt.Errorf("wrk: %v\n%s", err, out)
		}
		rate, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil {
			return err
		}
		b.add("manifest by "+which.row+", 32 connections: requests/s", r.name, rate)
		b.add("manifest by "+which.row+", 32 connections: CPU µs/request", r.name, cpu*1e6/(rate*b.lasts.Seconds()))
	}
	return nil
}

// cold pulls what a server has not, near and far.
func (b *bench) cold() error {
	for _, c := range []struct {
		row, image string
		clients    int
		latency    time.Duration
		rate       float64
	}{
		{"cold, near, 1 client, 10×50 MiB", "bench/big", 1, 0, 0},
		{"cold, far, 16 clients, 10×50 MiB", "bench/big", 16, 20 * time.Millisecond, 100e6},
		{"cold, far, 16 clients, 200×16 KiB", "bench/many", 16, 20 * time.Millisecond, 100e6},
	} {
		if c.clients == 1 {
			b.up.set(c.latency, c.rate)
			seconds, err := pull(b.up.server.URL+"/v2/"+c.image, "v1", c.clients)
			if err != nil {
				return err
			}
			b.add(c.row+": s", "direct", seconds)
		}
		if err := b.each(b.servers, func(r *running) error {
			b.up.set(c.latency, c.rate)
			seconds, err := pull(r.repository(c.image), "v1", c.clients)
			if err != nil {
				return err
			}
			gets, heads := b.up.perBlob()
			b.add(c.row+": s", r.name, seconds)
			b.add(c.row+": upstream GETs per blob", r.name, gets)
			b.add(c.row+": upstream HEADs per blob", r.name, heads)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func median(values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	return values[len(values)/2]
}

// print prints medians as the table of docs/performance.md.
func (b *bench) print() {
	columns := []string{"sallyport", "distribution", "nginx", "direct"}
	fmt.Printf("| work | %s |\n|%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)+1))
	for _, row := range b.rows {
		fmt.Printf("| %s |", row)
		for _, c := range columns {
			values := b.figures[row+", "+c]
			if len(values) == 0 {
				fmt.Print(" - |")
				continue
			}
			fmt.Printf(" %s |", strconv.FormatFloat(median(values), 'f', digits(median(values)), 64))
		}
		fmt.Println()
	}
}

func digits(v float64) int {
	switch {
	case v >= 100:
		return 0
	case v >= 10:
		return 1
	}
	return 2
}
