package main

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
)

func TestEventsAreShownEscaped(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	lines := `{"seq":1,"t":0,"kind":"start","task":{"tid":1,"pid":1,"uid":0,"euid":0},"exec":{"path":"/bin/sh","argv":["sh","-c","\u001b[2J"],"stdio":[null,null,null]}}
{"seq":2,"t":1500000000,"kind":"connect","task":{"tid":1,"pid":1,"uid":0,"euid":0,"comm":"sh"},"local":{"family":"inet","proto":"tcp","ip":"172.17.0.2","port":40000},"remote":{"family":"inet","proto":"tcp","ip":"198.51.100.7","port":443},"errno":115}
`
	if _, err := w.Write([]byte(lines)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	if err := printEvents(&shown, packed.Bytes(), false); err != nil {
		t.Fatal(err)
	}
	text := shown.String()
	if strings.ContainsRune(text, 0x1b) || !strings.Contains(text, "remote=tcp:198.51.100.7:443") || !strings.Contains(text, "1.500") || strings.Count(text, "\n") != 2 {
		t.Errorf("shown as %q", text)
	}
	shown.Reset()
	if err := printEvents(&shown, packed.Bytes(), true); err != nil || shown.String() != lines {
		t.Errorf("as JSON: %v, %q", err, shown.String())
	}
	for name, b := range map[string][]byte{"nothing": nil, "no archive": []byte("x"), "cut off": packed.Bytes()[:packed.Len()-9]} {
		if err := printEvents(&shown, b, false); err == nil {
			t.Errorf("%s: shown", name)
		}
	}
}
