package chart

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
)

func TestLint(t *testing.T) {
	for _, values := range valueSets(t) {
		if out, errOut, err := helm(t, "lint", "--strict", dir, "--values", values); err != nil {
			t.Errorf("%s: %v\n%s%s", values, err, out, errOut)
		}
	}
}

// TestSchemas: what is rendered is what the API server takes, with every field
// spelled right.
func TestSchemas(t *testing.T) {
	tool, kinds := cluster.NeedTools(t).Path("kubeconform"), schemas(t)
	crds, err := filepath.Abs("testdata/crds")
	if err != nil {
		t.Fatal(err)
	}
	check := func(files ...string) (string, error) {
		cmd := exec.Command(tool, "-strict", "-summary",
			"-schema-location", kinds+"/{{.NormalizedKubernetesVersion}}-standalone{{.StrictSuffix}}/{{.ResourceKind}}{{.KindSuffix}}.json",
			"-schema-location", crds+"/{{.ResourceKind}}{{.KindSuffix}}.json")
		cmd.Args = append(cmd.Args, files...)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	folder := t.TempDir()
	var files []string
	for _, values := range valueSets(t) {
		manifest, err := template(t, "--values", values)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, write(t, folder, filepath.Base(values), manifest))
	}
	if out, err := check(files...); err != nil || !strings.Contains(out, "Skipped: 0") {
		t.Errorf("%v\n%s", err, out)
	}
	// The check itself.
	for name, manifest := range map[string]string{
		"a field that there is not": "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {prots: []}}",
		"a wrong type":              "{apiVersion: v1, kind: Service, metadata: {name: x}, spec: {ports: [{port: http}]}}",
		"a field of a CRD":          "{apiVersion: monitoring.coreos.com/v1, kind: ServiceMonitor, metadata: {name: x}, spec: {selector: {}, endpoints: [{prot: x}]}}",
	} {
		out, err := check(write(t, folder, "wrong.yaml", manifest))
		if err == nil || !strings.Contains(out, "Invalid: 1") {
			t.Errorf("%s is not found:\n%s", name, out)
		}
	}
}

func write(t testing.TB, folder, name, text string) string {
	file := filepath.Join(folder, name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestValuesThatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		set  string
		want string
	}{
		"a misspelt value":                  {"webhok.enabled=true", "webhok"},
		"a wrong type":                      {"proxy.replicas=two", "replicas"},
		"an unknown mode of certificates":   {"webhook.certificates.mode=vault", "mode"},
		"a duration without unit":           {"sandbox.timeout=180", "timeout"},
		"replicas without shared storage":   {"redis.url=redis://redis:6379/0", "storage.driver"},
		"a password among the values":       {"redis.url=redis://u:p@redis:6379/0,storage.driver.s3.bucket=b", "redis.existingSecret"},
		"two drivers":                       {"storage.driver.s3.bucket=b,storage.driver.gcs.bucket=b", "storage"},
		"a driver that there is not":        {"storage.driver.ftp.host=b", "ftp"},
		"a sandbox elsewhere without token": {"sandbox.external.endpoint=https://sandbox.example:8443", "sandbox.existingSecret"},
		"a sandbox elsewhere in clear text": {"sandbox.external.endpoint=http://sandbox.example:8443", "endpoint"},
		"a certificate without authority":   {"webhook.certificates.mode=secret,webhook.certificates.secretName=x", "caBundle"},
		"an ingress without host":           {"console.ingress.enabled=true", "host"},
		"a webhook's timeout of a minute":   {"webhook.timeoutSeconds=60", "timeoutSeconds"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := template(t, "--set", c.set); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("--set %s: %v, want an error about %s", c.set, err, c.want)
			}
		})
	}
}
