package scan

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestWords: what a program says of itself is told, and of what else it speaks.
func TestWords(t *testing.T) {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, said string
		want       []string
	}{
		{"nothing", "", nil},
		{"one word", "supports randomx", []string{"miner-algorithm"}},
		{"miner", "stratum+tcp:// donate-level RandomX mining.authorize", []string{"miner-pool-uri", "miner-donation", "miner-algorithm", "miner-login"}},
		{"detector", "stratum+tcp:// donate-level mimikatz linpeas", []string{"miner-pool-uri", "miner-donation", "detector"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := findWords([]byte("\x00" + tt.said + "\x00")); !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
	// This test's own program holds them all: the end of a file counts.
	f, err := Read(strings.NewReader(string(self)))
	if err != nil || f.ELF == nil || !slices.Contains(f.ELF.Words, "detector") {
		t.Errorf("%+v, %v", f.ELF, err)
	}
	if f, err := Read(strings.NewReader("stratum+tcp:// donate-level randomx mining.authorize\n")); err != nil || f.ELF != nil {
		t.Errorf("a text: %+v, %v", f, err)
	}
}
