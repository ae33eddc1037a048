package chart

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
)

const (
	dir       = "../../../charts/sallyport"
	release   = "gate"
	namespace = "sallyport"
)

// helm runs the command on nothing but this chart: no repositories, no settings of whoever runs the test.
func helm(t testing.TB, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	home := t.TempDir()
	cmd := exec.Command(cluster.NeedTools(t).Path("helm"), args...)
	cmd.Env = []string{"HOME=" + home, "XDG_CACHE_HOME=" + home, "PATH=" + os.Getenv("PATH")}
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err = cmd.Run()
	return out.String(), errOut.String(), err
}

// template renders the chart; the values are those of a file below
// testdata/values, or of --set flags.
func template(t testing.TB, args ...string) (string, error) {
	t.Helper()
	out, errOut, err := helm(t, append([]string{"template", release, dir, "--namespace", namespace, "--kube-version", "1.37.2"}, args...)...)
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, errOut)
	}
	return out, nil
}

// objects are what the chart renders.
type objects []*unstructured.Unstructured

// rendered keeps what render has asked helm for, by the arguments.
var rendered sync.Map

func render(t testing.TB, args ...string) objects {
	t.Helper()
	key := strings.Join(args, " ")
	if all, ok := rendered.Load(key); ok {
		return all.(objects)
	}
	all := decode(t, args...)
	rendered.Store(key, all)
	return all
}

func decode(t testing.TB, args ...string) objects {
	t.Helper()
	text, err := template(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	var all objects
	for d := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096); ; {
		o := &unstructured.Unstructured{}
		err := d.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Object) > 0 {
			all = append(all, o)
		}
	}
}

// find returns the object, or nil.
func (all objects) find(kind, name string) *unstructured.Unstructured {
	for _, o := range all {
		if o.GetKind() == kind && o.GetName() == name {
			return o
		}
	}
	return nil
}

// one returns the object that must be there.
func (all objects) one(t testing.TB, kind, name string) *unstructured.Unstructured {
	t.Helper()
	o := all.find(kind, name)
	if o == nil {
		t.Fatalf("there is no %s %s among %s", kind, name, strings.Join(all.names(), ", "))
	}
	return o
}

func (all objects) names() []string {
	var names []string
	for _, o := range all {
		names = append(names, o.GetKind()+" "+o.GetName())
	}
	return names
}

// workloads are the objects that make pods.
func (all objects) workloads() objects {
	var some objects
	for _, o := range all {
		switch o.GetKind() {
		case "Deployment", "DaemonSet", "StatefulSet", "Job":
			some = append(some, o)
		}
	}
	return some
}

// at is the value at the path in o, or nil. Numbers are indices of lists.
func at(t testing.TB, o *unstructured.Unstructured, path ...any) any {
	t.Helper()
	var v any = o.Object
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// valueSets are the files with values, by name.
func valueSets(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/values/*.yaml")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d sets of values, %v", len(files), err)
	}
	return files
}
