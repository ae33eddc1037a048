package system

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/crane"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/internal/registrytest"
	"github.com/sallyport-dev/sallyport/internal/testenv"
)

// TestWalk is the whole way of two images that the built-in policy selects by
// their tag, once on the embedded Redis and once on a real one.
func TestWalk(t *testing.T) {
	engine := docker(t)
	for name, url := range map[string]func(*testing.T) string{
		"embedded Redis": func(*testing.T) string { return "" },
		"real Redis":     redisServer,
	} {
		t.Run(name, func(t *testing.T) { walk(t, engine, url(t)) })
	}
}

func walk(t *testing.T, docker func(...string) (string, error), redisURL string) {
	good, bad := benign(t), malicious(t)
	g := startGate(t, upstream(t, map[string]v1.Image{"demo/good:DTA": good, "demo/bad:DTA": bad, "demo/good:plain": good}), redisURL)
	t.Cleanup(func() { _, _ = docker("image", "prune", "--all", "--force") })

	if out, err := docker("pull", g.image("demo/good:DTA")); err != nil {
		t.Fatalf("the benign image is not pulled: %s", out)
	}
	if n := g.runs(); n != 1 {
		t.Errorf("the benign image was run %d times before it was served", n)
	}
	out, err := docker("pull", g.image("demo/bad:DTA"))
	if err == nil {
		t.Fatalf("the malicious image is pulled:\n%s", out)
	}
	for _, want := range []string{"denied", `"DTA"`, "reverse-shell", "decision "} {
		if !strings.Contains(out, want) {
			t.Errorf("docker's message does not contain %q: %s", want, out)
		}
	}
	deniedEverywhere(t, g, bad)
	notPulledBySkopeo(t, g)

	// A crash, and the loss of everything in Redis, change nothing: the verdict
	// is an object, and the sandbox does not run again.
	g.kill()
	if redisURL != "" {
		flush(t, redisURL)
	}
	g.start()
	deniedEverywhere(t, g, bad)
	if out, err := docker("pull", g.image("demo/good:DTA")); err != nil {
		t.Errorf("the benign image is not pulled after the crash: %s", out)
	}
	if redisURL != "" {
		flush(t, redisURL) // once more, under a process that runs
		deniedEverywhere(t, g, bad)
	}
	if n := g.runs(); n != 0 {
		t.Errorf("%d images were run again after the crash", n)
	}

	// Whoever was refused can ask why by the id alone, also after the crash.
	id := regexp.MustCompile(`decision ([0-9A-Z]{26})`).FindStringSubmatch(out)
	if id == nil {
		t.Fatalf("no decision's id in %q", out)
	}
	decision := g.mustCommand("decision", id[1])
	for _, want := range []string{id[1], "demo/bad:DTA@sha256:", "deny", "DTA, control dta", "reverse-shell", "127.0.0.1", "pull", "linux/amd64"} {
		if !strings.Contains(decision, want) {
			t.Errorf("the decision does not say %q:\n%s", want, decision)
		}
	}

	report := g.mustCommand("report", g.image("demo/bad:DTA"))
	for _, want := range []string{"malicious", "reverse-shell", "Initial Execution"} {
		if !strings.Contains(report, want) {
			t.Errorf("the report does not say %q:\n%s", want, report)
		}
	}
	theWebhookAgrees(t, g, good, bad)
}

// deniedEverywhere checks that no request of a client gets any part of img,
// which the upstream has as demo/bad:DTA.
func deniedEverywhere(t *testing.T, g *theGate, img v1.Image) {
	t.Helper()
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	layer, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigName()
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + g.proxy + "/v2/upstream.test/demo/bad/"
	for _, path := range []string{"manifests/DTA", "manifests/" + digest.String(), "blobs/" + layer.String(), "blobs/" + config.String()} {
		for _, method := range []string{http.MethodHead, http.MethodGet} {
			resp := get(t, method, base+path)
			body, _ := io.ReadAll(resp.Body)
			if resp.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s is answered with %s, not 403", method, path, resp.Status)
			}
			if method == http.MethodHead {
				continue
			}
			var answer struct {
				Errors []struct{ Code, Message string }
			}
			if err := json.Unmarshal(body, &answer); err != nil || len(answer.Errors) != 1 || answer.Errors[0].Code != "DENIED" {
				t.Errorf("GET %s: the body is not one DENIED error: %s", path, body)
			} else if strings.ContainsAny(answer.Errors[0].Message, "\r\n") {
				t.Errorf("GET %s: the message is not one line: %q", path, answer.Errors[0].Message)
			}
		}
	}
	l, err := crane.PullLayer(g.image("demo/bad")+"@"+layer.String(), crane.Insecure)
	if err == nil {
		var r io.ReadCloser
		if r, err = l.Compressed(); err == nil {
			r.Close()
		}
	}
	if err == nil || !strings.Contains(err.Error(), "DENIED") {
		t.Errorf("`crane blob` of a layer of the denied image ends with %v", err)
	}
}

func notPulledBySkopeo(t *testing.T, g *theGate) {
	t.Helper()
	skopeo := testenv.NeedCommand(t, "skopeo")
	copyTo := func(name string) (string, error) {
		out, err := exec.Command(skopeo, "copy", "--insecure-policy", "--src-tls-verify=false",
			"docker://"+g.image(name), "dir:"+t.TempDir()).CombinedOutput()
		return string(out), err
	}
	if out, err := copyTo("demo/good:DTA"); err != nil {
		t.Errorf("skopeo does not copy the benign image: %s", out)
	}
	if out, err := copyTo("demo/bad:DTA"); err == nil || !strings.Contains(out, "reverse-shell") {
		t.Errorf("skopeo copies the malicious image, or does not say why not: %s", out)
	}
}

func flush(t *testing.T, url string) {
	t.Helper()
	o, err := redis.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	defer c.Close()
	if err := c.FlushAll(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
}

// TestLabelSelects pulls an image that no policy selects, and labels it.
func TestLabelSelects(t *testing.T) {
	t.Parallel()
	bad := malicious(t)
	g := startGate(t, upstream(t, map[string]v1.Image{"demo/bad:v1": bad}), "")
	if _, err := crane.Digest(g.image("demo/bad:v1"), crane.Insecure); err != nil {
		t.Fatalf("an image that no policy selects is not served: %v", err)
	}
	g.mustCommand("policy", "apply", "-f", example(t, "dta.yaml"))
	g.mustCommand("label", "add", g.image("demo/bad:v1"), "DTA")
	if _, err := crane.Pull(g.image("demo/bad:v1"), crane.Insecure); err == nil || !strings.Contains(err.Error(), "DENIED") {
		t.Fatalf("after it was labelled, the pull ends with %v", err)
	}
	g.mustCommand("label", "remove", g.image("demo/bad:v1"), "DTA")
	if _, err := crane.Pull(g.image("demo/bad:v1"), crane.Insecure); err != nil {
		t.Errorf("without its label the image is still not served: %v", err)
	}
}

// TestFeltThoughCached changes policies, labels and verdicts about an image all
// of which is cached, and whose upstream is gone: each is felt at the next
// request, of any part.
func TestFeltThoughCached(t *testing.T) {
	t.Parallel()
	bad := malicious(t)
	registry := httptest.NewServer(new(registrytest.Registry))
	defer registry.Close()
	host := strings.TrimPrefix(registry.URL, "http://")
	if err := crane.Push(bad, host+"/demo/bad:DTA", crane.Insecure); err != nil {
		t.Fatal(err)
	}
	g := startGate(t, host, "")
	file := func(text string) string {
		at := filepath.Join(t.TempDir(), "policy.yaml")
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return at
	}
	allowed := func(when string) {
		t.Helper()
		img, err := crane.Pull(g.image("demo/bad:DTA"), crane.Insecure)
		if err == nil {
			err = crane.Save(img, "sample.test/image:v1", filepath.Join(t.TempDir(), "image.tar")) // reads all of it
		}
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
	}
	// The built-in policy, which would run it by its tag, has another in its place.
	const asleep = "name: DTA\nscope: image.name.*:other OR aqua.label.DTA\ndta_enabled: true\n"
	g.mustCommand("policy", "apply", "-f", file(asleep))
	allowed("that no policy selects it")
	registry.Close()
	allowed("that it is cached")

	g.mustCommand("policy", "apply", "-f", file("name: named\nscope: image.name.*:DTA\nonly_none_root_users: true\n"))
	deniedEverywhere(t, g, bad)
	g.mustCommand("policy", "delete", "named")
	allowed("that the policy is gone")

	g.mustCommand("label", "add", g.image("demo/bad:DTA"), "DTA")
	// It is run now; the answer to a HEAD means something when a GET has waited.
	if _, err := crane.Pull(g.image("demo/bad:DTA"), crane.Insecure); err == nil || !strings.Contains(err.Error(), "DENIED") {
		t.Errorf("labelled, the pull ends with %v", err)
	}
	deniedEverywhere(t, g, bad)
	g.mustCommand("label", "remove", g.image("demo/bad:DTA"), "DTA")
	allowed("that the label is gone")
}

// TestManyPullsOneRun has 20 clients ask for one unknown image at once.
func TestManyPullsOneRun(t *testing.T) {
	t.Parallel()
	g := startGate(t, upstream(t, map[string]v1.Image{"demo/good:DTA": benign(t)}), "")
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := crane.Pull(g.image("demo/good:DTA"), crane.Insecure); err != nil {
				t.Errorf("one of the clients is told %v", err)
			}
		})
	}
	wg.Wait()
	if n := g.runs(); n != 1 {
		t.Errorf("20 pulls of one image caused %d runs", n)
	}
}

// TestIndex pulls a multi-platform index whose image for this machine is malicious.
func TestIndex(t *testing.T) {
	t.Parallel()
	bad := malicious(t)
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: bad, Descriptor: v1.Descriptor{Platform: hostPlatform()}})
	host := upstream(t, nil)
	pushIndex(t, host+"/demo/multi:DTA", index)
	g := startGate(t, host, "")
	digest, err := bad.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for _, which := range []string{":DTA", "@" + digest.String()} {
		if _, err := crane.Pull(g.image("demo/multi")+which, crane.Insecure); err == nil || !strings.Contains(err.Error(), "DENIED") {
			t.Errorf("pulling demo/multi%s ends with %v", which, err)
		}
	}
}

// TestScan judges without a server, as on a laptop.
func TestScan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		image   v1.Image
		code    int
		verdict string
	}{
		{"benign", benign(t), 0, "clean"},
		{"malicious", malicious(t), 1, "malicious"},
	} {
		t.Run(c.name, func(t *testing.T) {
			archive := filepath.Join(t.TempDir(), "image.tar")
			if err := crane.Save(c.image, "sample.test/image:v1", archive); err != nil {
				t.Fatal(err)
			}
			work := scratch(t)
			env := []string{"SALLYPORT_SANDBOX_DIR=" + work}
			out, code := program(t, env, "scan", "--archive", archive)
			if code != c.code || !strings.Contains(out, c.verdict) {
				t.Errorf("the table ends with %d, want %d and %q:\n%s", code, c.code, c.verdict, out)
			}
			out, code = program(t, env, "scan", "--archive", archive, "--format", "json")
			var r struct {
				Verdict   string
				Malicious bool
				Findings  []struct {
					Slug     string
					Evidence []any
				}
				Run struct {
					Coverage struct {
						EventsTotal int `json:"events_total"`
					}
				}
				Processes []any
			}
			if err := json.Unmarshal([]byte(out[max(0, strings.Index(out, "{")):]), &r); err != nil {
				t.Fatalf("the JSON: %v\n%s", err, out)
			}
			if code != c.code || r.Verdict != c.verdict || r.Malicious != (c.code == 1) || len(r.Processes) == 0 || r.Run.Coverage.EventsTotal == 0 {
				t.Errorf("exit %d, report %+v", code, r)
			}
			if c.code == exitFailed {
				out, code = program(t, env, "scan", "--archive", archive, "--format", "sarif")
				if code != c.code || !strings.Contains(out, `"ruleId": "reverse-shell"`) || !strings.Contains(out, "fails: ") {
					t.Errorf("SARIF ends with %d:\n%s", code, out)
				}
			}
			noTrace(t, work)
		})
	}
}

// TestEndsWhileRunning ends the gate in the middle of a run, in both ways.
func TestEndsWhileRunning(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*theGate){"SIGINT": (*theGate).stop, "SIGKILL": (*theGate).kill} {
		t.Run(name, func(t *testing.T) {
			g := startGate(t, upstream(t, map[string]v1.Image{"demo/bad:DTA": malicious(t)}), "")
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = crane.Pull(g.image("demo/bad:DTA"), crane.Insecure)
			}()
			for deadline := time.Now().Add(2 * time.Minute); len(traces(t, g.scratch)) < 3; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("no run begins")
				}
			}
			end(g)
			noTrace(t, g.scratch)
			<-done
		})
	}
}
