package rejudge

import (
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

// TestNamespacesThatAreExemptByTheirLabels: where nobody is asked, nobody is
// told either.
func TestNamespacesThatAreExemptByTheirLabels(t *testing.T) {
	labelled := func(name, value string) *unstructured.Unstructured {
		n := object("v1", "Namespace", "", name, nil)
		n.SetLabels(map[string]string{"sallyport.dev/gate": value})
		return n
	}
	w, c := start(t, "", func(cfg *Config) { cfg.ExemptSelector = "sallyport.dev/gate=exempt" },
		labelled("lab", "exempt"), labelled("shop", "enforce"),
		runs("lab", "a", "registry.test/evil/shell:v1"), runs("shop", "b", "registry.test/evil/shell:v1"), runs("other", "c", "registry.test/evil/shell:v1"))
	round1(t, c)
	var in []string
	for _, req := range w.asked {
		in = append(in, req.Context.Namespace)
	}
	if got := strings.Join(in, " "); got != "other shop" {
		t.Errorf("judged in %q", got)
	}

	// Who may not list namespaces has all judged, and hears of it.
	w.asked = nil
	w.api.PrependReactor("list", "namespaces", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("forbidden")
	})
	if _, err := c.round(t.Context()); err == nil || !strings.Contains(err.Error(), "finding the namespaces that are exempt") {
		t.Errorf("without the right: %v", err)
	}
	if len(w.asked) != 3 {
		t.Errorf("without the right %d are judged", len(w.asked))
	}
}
