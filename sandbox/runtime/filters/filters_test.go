package filters

import (
	"encoding/json"
	"flag"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"gvisor.dev/gvisor/pkg/seccomp/precompiledseccomp"
	"gvisor.dev/gvisor/runsc/boot/filter"
	"gvisor.dev/gvisor/runsc/boot/filter/config"
)

var update = flag.Bool("update", false, "have gVisor compile the filters again, into programs.json: a minute or two")

const gvisorModule = "gvisor.dev/gvisor"

// ours tells whether a program is for the way in which package runtime starts the Sentry.
func ours(name string) bool {
	for _, part := range []string{`Platform="systrap`, "HostNetwork=false", "HostFilesystem=false", "ProfileEnable=false", "NVProxy=false", "TPUProxy=false", "RDMAProxy=false", "PluginNetwork=false", "CgoEnabled=false", "Instrumentation=false"} {
		if !strings.Contains(name, part) {
			return false
		}
	}
	return true
}

// required is gVisor's version in go.mod. A test binary carries no build list.
func required(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == gvisorModule {
			return fields[1]
		}
	}
	t.Fatal("go.mod does not require gVisor")
	return ""
}

// TestPrograms: they are for the gVisor that is linked, and gVisor can use them.
func TestPrograms(t *testing.T) {
	if *update {
		compile(t)
	}
	p, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if want := required(t); p.GVisor != want {
		t.Fatalf("programs.json was made with gVisor %s, go.mod has %s: 'go test ./sandbox/runtime/filters -update' makes it again", p.GVisor, want)
	}
	if err := Install(); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(p.Programs, func(p precompiledseccomp.Program) bool { return strings.Contains(p.Name, runtime.GOARCH) }) {
		if runtime.GOARCH == "amd64" {
			t.Fatal("there are no programs for amd64")
		}
		t.Skipf("there are no programs for %s: gVisor compiles them at each start", runtime.GOARCH)
	}
	for _, name := range filter.ListPrecompiled() {
		program, ok := filter.GetPrecompiled(name)
		if !ok || !ours(name) {
			t.Errorf("%s: found %v", name, ok)
		}
		values := precompiledseccomp.Values{}
		for v := range program.VarOffsets {
			values[v] = 7
		}
		if list, err := program.RenderInstructions(values); err != nil || len(list) < 100 {
			t.Errorf("%s: %d instructions, %v", name, len(list), err)
		}
	}
	if len(filter.ListPrecompiled()) == 0 {
		t.Error("gVisor finds none")
	}
}

func compile(t *testing.T) {
	t.Helper()
	all, err := config.PrecompiledPrograms()
	if err != nil {
		t.Fatal(err)
	}
	p, err := load()
	if err != nil {
		t.Fatal(err)
	}
	version := required(t)
	if p.GVisor != version {
		p.Programs = nil
	}
	p.GVisor = version
	// Those of other CPUs stay: each is made on its own.
	p.Programs = slices.DeleteFunc(p.Programs, func(p precompiledseccomp.Program) bool {
		return strings.Contains(p.Name, `GOARCH="`+runtime.GOARCH+`"`)
	})
	for _, program := range all {
		if ours(program.Name) {
			p.Programs = append(p.Programs, program)
		}
	}
	slices.SortFunc(p.Programs, func(a, b precompiledseccomp.Program) int { return strings.Compare(a.Name, b.Name) })
	if programsJSON, err = json.Marshal(p); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("programs.json", append(programsJSON, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
