package runtime

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

func TestCPUTimeCountsDescendants(t *testing.T) {
	// A shell that stays idle while its child works.
	cmd := exec.Command("sh", "-c", "(i=0; while [ $i -lt 2000000 ]; do i=$((i+1)); done) & wait; exec sleep 300")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	cpuTime := func(pid int) time.Duration { cpu, _ := load(pid); return cpu }
	for end := time.Now().Add(time.Minute); cpuTime(cmd.Process.Pid) < 50*time.Millisecond; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the shell's child worked, but only %v are seen", cpuTime(cmd.Process.Pid))
		}
	}
	if own := cpuTime(os.Getpid()); own < cpuTime(cmd.Process.Pid) {
		t.Errorf("the parent's %v are less than its child's", own)
	}
}

func TestLoadTellsWhoHasNoProcessor(t *testing.T) {
	// More that work than there are processors: some always wait for their turn.
	cmd := exec.Command("sh", "-c", fmt.Sprintf("for i in $(seq %d); do (while :; do :; done) & done; exec sleep 300", 2*runtime.NumCPU()+1))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
	}()
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		_, delayed := load(cmd.Process.Pid)
		if delayed > 200*time.Millisecond {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("some had no processor, but only %v of that are seen", delayed)
		}
	}
}

func TestCPUTimeOfAProcessThatIsGone(t *testing.T) {
	if cpu, delayed := load(1 << 30); cpu != 0 || delayed != 0 {
		t.Errorf("got %v, %v", cpu, delayed)
	}
}
