package main

import (
	"testing"

	"github.com/sallyport-dev/sallyport/config"
)

func TestWhereIsEnforced(t *testing.T) {
	enforced, err := enforcedIn("sallyport.dev/gate=enforce", []config.Namespace{
		{Names: []string{"prod-legacy"}, Mode: "audit"},
		{Names: []string{"prod-*"}, Mode: "enforce"},
		{Names: []string{"dev-*"}, Mode: "audit"},
	})
	if err != nil {
		t.Fatal(err)
	}
	enforce := map[string]string{"sallyport.dev/gate": "enforce"}
	for _, test := range []struct {
		namespace string
		labels    map[string]string
		want      bool
	}{
		{"shop", enforce, true},
		{"shop", nil, false},
		{"shop", map[string]string{"sallyport.dev/gate": "off"}, false},
		{"prod-legacy", enforce, false},
		{"prod-eu", enforce, true},
		{"dev-1", enforce, false},
	} {
		if got := enforced(test.namespace, test.labels); got != test.want {
			t.Errorf("%s %v: %v", test.namespace, test.labels, got)
		}
	}
	everywhere, err := enforcedIn("", nil)
	if err != nil || !everywhere("shop", nil) {
		t.Errorf("without a selector: %v", err)
	}
	if _, err := enforcedIn("a in", nil); err == nil {
		t.Error("a broken selector was taken")
	}
	if _, err := compileGlobs("cluster.rejudge.exempt", []string{"[a-"}); err == nil {
		t.Error("a broken pattern was taken")
	}
}
