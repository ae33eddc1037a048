package responder_test

import (
	"maps"
	"strings"
	"testing"
)

func TestProxyGoesOnWithWhomItIsAskedFor(t *testing.T) {
	ask := "GET / HTTP/1.1\r\nHost: hidden.onion\r\n\r\n"
	for name, c := range map[string]struct {
		words string
		want  []map[string]string
	}{
		"by name":         {"\x05\x01\x00" + "\x05\x01\x00\x03\x0chidden.onion\x00\x50" + ask, []map[string]string{{"host": "hidden.onion", "port": "80"}}},
		"by address":      {"\x05\x01\x00" + "\x05\x01\x00\x01\xc6\x33\x64\x09\x00\x50" + ask, []map[string]string{{"host": "198.51.100.9", "port": "80"}}},
		"with a password": {"\x05\x01\x02" + "\x01\x03bob\x02pw" + "\x05\x01\x00\x03\x01a\x00\x50" + ask, []map[string]string{{"user": "bob", "password": "pw"}, {"host": "a", "port": "80"}}},
	} {
		t.Run(name, func(t *testing.T) {
			log, heard := talk(t, everything(t), 1080, strings.NewReader(c.words))
			if len(log.messages) != len(c.want) {
				t.Fatalf("noted %+v", log.messages)
			}
			for i, m := range log.messages {
				if !maps.Equal(m.Fields, c.want[i]) {
					t.Errorf("noted %+v, want %v", m, c.want[i])
				}
			}
			if log.app != "http" || len(log.http) != 1 || !strings.Contains(heard, "HTTP/1.1 200") {
				t.Errorf("goes on as %s: %q", log.app, heard)
			}
		})
	}
}

// A guest that wraps proxy in proxy must not use up our stack.
func TestProxiesInProxiesEnd(t *testing.T) {
	words := strings.Repeat("\x05\x01\x00\x05\x01\x00\x03\x01a\x00\x50", 1000)
	if log, _ := talk(t, everything(t), 1080, strings.NewReader(words)); len(log.messages) > 20 {
		t.Errorf("%d proxies in each other", len(log.messages))
	}
}

func FuzzSOCKS(f *testing.F) {
	table := everything(f)
	f.Add("\x05\x01\x00\x03\x01a\x00\x50GET / HTTP/1.1\r\n\r\n")
	f.Add("\x05\x01\x00\x09\x05\x01\x00\x04")
	f.Add("\x05\x01\x00\x03\x01a\x00\x50\x05\x01\x00\x05\x01\x00\x03\x01a\x00\x50")
	f.Fuzz(func(t *testing.T, words string) {
		if _, heard := talk(t, table, 1080, strings.NewReader("\x05\x01\x00"+words)); !strings.HasPrefix(heard, "\x05\x00") {
			t.Fatalf("heard %q", heard)
		}
	})
}
