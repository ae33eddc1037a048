package scan

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

func TestBuiltinRules(t *testing.T) {
	for _, tt := range []struct{ name, content, want string }{
		{"miner", "x\x00stratum+tcp://\x00--donate-level=1\x00 cryptonight/r", "miner"},
		{"names of miners in a list of blocked domains", "xmrig.com\nminexmr.com\nsupportxmr.com\nnanopool.org\nf2pool.com", ""},
		{"pool server", "mining.subscribe\x00mining.notify\x00mining.submit", ""},
		{"packed", "UPX!\r\n$Info: This file is packed with the UPX executable packer http://upx.sf.net $\n$Id: UPX 4.02", "packer-upx"},
		{"web shell", "<?php eval($_POST['x']); ?>", "web-shell"},
		{"ordinary PHP", "<?php echo htmlspecialchars($_POST['x']); ?>", ""},
	} {
		s := Builtin().Begin()
		// In pieces: a text may lie across two of them.
		for i := range len(tt.content) {
			if _, err := s.Write([]byte(tt.content[i : i+1])); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, m := range s.Matches() {
			got = append(got, m.Rule)
			if m.Text() == "" {
				t.Errorf("%s: %+v says nothing", tt.name, m)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestEveryBuiltinRuleHasASource(t *testing.T) {
	var list []Rule
	if err := json.Unmarshal(builtin, &list); err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Source == "" {
			t.Errorf("%s does not say where its texts come from", r.Name)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	for name, list := range map[string][]Rule{
		"nothing":               nil,
		"more than it has":      {{Name: "x", Need: 2, Groups: map[string][]string{"a": {"abcdef"}}}},
		"a text in everything":  {{Name: "x", Need: 1, Groups: map[string][]string{"a": {"ab"}}}},
		"a rule without a name": {{Need: 1, Groups: map[string][]string{"a": {"abcdef"}}}},
	} {
		if _, err := Compile(list); err == nil {
			t.Errorf("%s: compiled", name)
		}
	}
}

// FuzzSearch compares the search with looking for each text by itself.
func FuzzSearch(f *testing.F) {
	f.Add([]byte("abcabcd"), []byte("stratum+tcp://cryptonight donate-level"))
	f.Add([]byte("abcabcabcdonate-leve"), []byte("l"+strings.Repeat("cab", 50)+"stratum"))
	f.Add(bytes.Repeat([]byte("a"), 200), []byte("aab"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		texts := []string{"abcab", "bcabc", "abcabc", "cabca", "aaaaa", "stratum", "tratum+", "donate-level"}
		r, err := Compile([]Rule{{Name: "x", Need: 1, Groups: map[string][]string{"a": texts}}})
		if err != nil {
			t.Fatal(err)
		}
		s := r.Begin()
		s.Write(a)
		s.Write(b)
		whole := append(bytes.Clone(a), b...)
		for i, p := range r.texts {
			if want := bytes.Contains(whole, []byte(p.text)); s.found[i] != want {
				t.Errorf("%q in %q: %v", p.text, whole, s.found[i])
			}
		}
	})
}

// BenchmarkProgram searches a program: the test's own.
func BenchmarkProgram(b *testing.B) {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(program)))
	for b.Loop() {
		s := Builtin().Begin()
		s.Write(program)
	}
}

func BenchmarkSearch(b *testing.B) {
	text := bytes.Repeat([]byte("The quick brown fox mines nothing at all. stratum "), 20000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := Builtin().Begin()
		s.Write(text)
	}
}
