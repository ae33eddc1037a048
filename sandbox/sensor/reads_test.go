package sensor

import "testing"

func TestReads(t *testing.T) {
	r := newReads([]string{"/dev/", "/etc/shadow", ".aws", "*.tfstate", "*_history", "/proc/*/environ", "/proc/*/ns"})
	for path, want := range map[string]bool{
		"/dev/sda": true, "/etc/shadow": true, "/etc/shadow-": false, "/etc/passwd": false,
		"/root/.aws/credentials": true, "/home/a/.aws": true, "/root/.awsome": false,
		"/srv/prod.tfstate": true, "/root/.bash_history": true, "/srv/tfstate": false,
		"/proc/1/environ": true, "/proc/self/ns/mnt": true, "/proc/1/status": false, "/proc/environ": false,
		"/proc/1/task/2/environ": false, "": false, "relative": false,
	} {
		if got := r.has(path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
	if none := newReads(nil); !none.none() || none.has("/etc/shadow") {
		t.Error("reports reads that nobody asked for")
	}
}
