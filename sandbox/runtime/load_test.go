package runtime

import (
	"os"
	"os/exec"
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
	for end := time.Now().Add(time.Minute); cpuTime(cmd.Process.Pid) < 50*time.Millisecond; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the shell's child worked, but only %v are seen", cpuTime(cmd.Process.Pid))
		}
	}
	if own := cpuTime(os.Getpid()); own < cpuTime(cmd.Process.Pid) {
		t.Errorf("the parent's %v are less than its child's", own)
	}
}

func TestCPUTimeOfAProcessThatIsGone(t *testing.T) {
	if d := cpuTime(1 << 30); d != 0 {
		t.Errorf("got %v", d)
	}
}
