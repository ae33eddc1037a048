package sandbox

import (
	"fmt"
	"regexp"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// passing is where programs leave what a second start has no use for.
var passing = regexp.MustCompile(`^/(var/(cache|log|run)|run)/|/\.cache/|\.(pid|lock)$`)

// leftovers says why a second start may go otherwise than the first; "" when
// there is no reason to think so.
func leftovers(o *observation.Observation) string {
	for _, list := range [][]observation.File{o.Files.Created, o.Files.Modified} {
		for _, f := range list {
			switch {
			case f.Gone || passing.MatchString(f.Path):
			case f.Type == "elf" || f.Type == "script":
				return fmt.Sprintf("it left a program at %s", f.Path)
			case o.Run.Exit != nil && f.Type != "dir":
				return fmt.Sprintf("it ended, and left %s", f.Path)
			}
		}
	}
	return ""
}

// tempting is what guests look at that want out of their container: sockets of
// engines, the machine's disks and processes, tokens of clusters.
var tempting = regexp.MustCompile(`/(docker|containerd|crio|podman)\.sock$|^/(host|hostfs|rootfs)(/|$)|^/proc/(1|self)/(root|ns/)|^/proc/sys/kernel/core_pattern$|^/sys/fs/cgroup/.*release_agent$|^/sys/kernel/(debug|security)/|^/(var/)?run/secrets/kubernetes\.io/|^/dev/(sd|vd|nvme|xvd|mem$|kmem$)|^/proc/(kcore|sysrq-trigger)$`)

// refused are kinds of events that only come to something with more rights
// than a container has.
var refused = []event.Kind{event.Mount, event.PivotRoot, event.Setns, event.Unshare, event.Module, event.BPF, event.Ptrace, event.Mknod}

// tempted says what an image looked for that the bait pass has; "" for nothing.
// An image in which something else was found is suspected of more.
func tempted(o *observation.Observation, findings []report.Finding) string {
	for _, f := range findings {
		if f.Severity.Rank() >= report.Medium.Rank() {
			return fmt.Sprintf("%s was found", f.Slug)
		}
	}
	for _, e := range o.Events[event.Open] {
		if !e.Probe && tempting.MatchString(e.Path) {
			return "it looked at " + e.Path
		}
	}
	for _, e := range o.Events[event.Connect] {
		if !e.Probe && e.Remote != nil && tempting.MatchString(e.Remote.Path) {
			return "it looked for " + e.Remote.Path
		}
	}
	for _, kind := range refused {
		for _, e := range o.Events[kind] {
			if !e.Probe && (e.Errno == int32(unix.EPERM) || e.Errno == int32(unix.EACCES)) {
				return fmt.Sprintf("%s was refused to it", kind)
			}
		}
	}
	return ""
}
