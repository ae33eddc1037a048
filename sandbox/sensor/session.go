package sensor

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/sallyport-dev/sallyport/sandbox/runtime/lure"
)

// Config is what a run wants to see beyond what is always reported.
type Config struct {
	Blind bool // watch the start only, and the end of the first process: for measuring what the rest costs
	// ReadsOf lists the files whose opening for reading is reported: absolute
	// paths with what is below them, names of files or folders anywhere (".aws"),
	// endings ("*.tfstate"), and files of any process ("/proc/*/environ").
	ReadsOf []string

	Time Time // what the guest's clocks may do

	Lure lure.Config // what is put into the guest's world; no more than telling who connects
}

// maxRawPoint is the highest system call number that gVisor has trace points for.
const maxRawPoint = 441

// SessionFile is the content of runsc's --pod-init-config file: the trace
// session that sends every watched point to the sensor.
func SessionFile(cfg Config) ([]byte, error) {
	type point struct {
		Name     string   `json:"name"`
		Optional []string `json:"optional_fields,omitempty"`
		Context  []string `json:"context_fields,omitempty"`
	}
	who := []string{"time", "thread_id", "group_id", "thread_group_start_time", "parent_thread_group_id", "credentials", "process_name"}
	points := []point{
		{"container/start", []string{"env"}, who},
		{"sentry/clone", nil, nil},
		{"sentry/execve", []string{"binary_info", "binary_sha256", "pipe_proc_info"}, []string{"group_id", "process_name"}},
		{"sentry/exit_notify_parent", nil, who},
		{"sentry/task_exit", nil, nil},
		{"sentry/mmap", nil, nil},
	}
	var numbers []uint64
	for nr := range decoders() {
		if nr <= maxRawPoint {
			numbers = append(numbers, nr)
		}
	}
	slices.Sort(numbers)
	for _, nr := range numbers {
		side := "exit"
		if beforeCall(nr) {
			side = "enter"
		}
		points = append(points, point{Name: fmt.Sprintf("syscall/sysno/%d/%s", nr, side)})
	}
	if cfg.Blind {
		points = []point{points[0], {"sentry/task_exit", nil, nil}}
	}
	readsOf := cfg.ReadsOf
	if readsOf == nil {
		readsOf = []string{}
	}
	config := cfg.Time.config()
	config["reads_of"] = readsOf
	config["lure"] = cfg.Lure
	return json.Marshal(map[string]any{"trace_session": map[string]any{
		"name":   "Default",
		"points": points,
		"sinks":  []any{map[string]any{"name": sinkName, "config": config}},
	}})
}
