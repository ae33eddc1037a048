package filters

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	_ "unsafe" // for linkname

	_ "embed"

	"gvisor.dev/gvisor/pkg/seccomp/precompiledseccomp"
	"gvisor.dev/gvisor/runsc/boot/filter"
)

// precompiledPrograms is where gVisor looks for programs by the name of its
// configuration. It is filled once, with nothing, by the first look.
//
//go:linkname precompiledPrograms gvisor.dev/gvisor/runsc/boot/filter.precompiledPrograms
var precompiledPrograms map[string]precompiledseccomp.Program

//go:embed programs.json
var programsJSON []byte

// programs is the content of programs.json.
type programs struct {
	GVisor   string                       `json:"gvisor"` // the module version that compiled them
	Programs []precompiledseccomp.Program `json:"programs"`
}

func load() (programs, error) {
	var p programs
	if err := json.Unmarshal(programsJSON, &p); err != nil {
		return p, fmt.Errorf("the precompiled filters: %w", err)
	}
	return p, nil
}

// Install makes gVisor find the programs for this CPU. It is for the process
// that becomes the Sentry, before gVisor's command line runs.
func Install() error {
	p, err := load()
	if err != nil {
		return err
	}
	filter.ListPrecompiled() // so that no later look empties the table
	if precompiledPrograms == nil {
		return fmt.Errorf("gVisor keeps its filters elsewhere: it is not %s", p.GVisor)
	}
	for _, program := range p.Programs {
		if strings.Contains(program.Name, fmt.Sprintf("GOARCH=%q", runtime.GOARCH)) {
			precompiledPrograms[program.Name] = program
		}
	}
	return nil
}
