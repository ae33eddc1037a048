package chart

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sallyport-dev/sallyport/test/e2e/cluster"
)

// settings are those that the chart gives to the gate.
func settings(t testing.TB, args ...string) string {
	t.Helper()
	return fmt.Sprint(at(t, render(t, args...).one(t, "ConfigMap", "gate-sallyport"), "data", "config.yaml"))
}

// TestSettingsAreKnown: the program itself takes the settings of every set of
// values. The command sandbox reads them before it misses its token.
func TestSettingsAreKnown(t *testing.T) {
	binary := os.Getenv("GATE_UNDER_TEST")
	if binary == "" {
		cluster.Missing(t, "GATE_UNDER_TEST names no binary: run `make e2e`")
	}
	check := func(text string) string {
		file := write(t, t.TempDir(), "config.yaml", text)
		out, _ := exec.Command(binary, "sandbox", "--config", file).CombinedOutput()
		return string(out)
	}
	for _, values := range valueSets(t) {
		if out := check(settings(t, "--values", values)); !strings.Contains(out, "sandbox.token is empty") {
			t.Errorf("%s: %s", filepath.Base(values), out)
		}
	}
	if out := check("proxy: {lisen: ':5000'}"); !strings.Contains(out, "lisen") {
		t.Errorf("the check itself: %s", out)
	}
}

// TestConfigWins: what is set below config stands over what the chart knows,
// what is false and empty, too.
func TestConfigWins(t *testing.T) {
	got := settings(t, "--set-json", `config={"analysis": {"enabled": false}, "proxy": {"names": []}, "shutdown": {"delay": "0s"}}`)
	for _, want := range []string{"enabled: false\n  endpoint: https://", "names: []", "delay: 0s\n  drain: 25s"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}
