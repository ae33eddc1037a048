package scope

import (
	"slices"
	"strings"
)

// Subject is what a scope is asked about: an image, and where the question
// comes from. A Matcher only reads it.
type Subject struct {
	Names        []string          // repository:tag, all spellings of all tags
	Repositories []string          // all spellings
	Registries   []string          // host, and the names it is configured under
	ImageLabels  map[string]string // of the image configuration
	Labels       []string          // attached in Sallyport

	Cluster        string            // empty: not asked from a cluster
	Namespace      string            // empty: not asked from a namespace
	WorkloadLabels map[string]string // nil: not asked about a workload
}

// attribute is one name that a variable may read.
type attribute struct {
	name  string
	doc   string
	named bool // has a name and a value

	// One of these reads the values. known is false where the attribute has no
	// value at this point; no function at all means it never has one here.
	list func(*Subject) (values []string, known bool)
	text func(*Subject) string
	set  func(*Subject) (values map[string]string, known bool)

	rego string // path below input; empty when the attribute never has a value
}

const imageLabel = "image.label"

// attributes is the whole vocabulary. The last ones belong to functions, hosts
// and repositories: documents that use them load, but for an image they have
// no value.
var attributes = []attribute{
	{name: "image.name", doc: "repository:tag without the registry",
		list: func(s *Subject) ([]string, bool) { return s.Names, true }, rego: "image.names"},
	{name: "image.repo", doc: "repository without the registry",
		list: func(s *Subject) ([]string, bool) { return s.Repositories, true }, rego: "image.repositories"},
	{name: imageLabel, doc: "label of the image configuration", named: true,
		set: func(s *Subject) (map[string]string, bool) { return s.ImageLabels, true }, rego: "image.labels"},
	{name: "aqua.label", doc: "label attached in Sallyport to the image, its repository or registry",
		list: func(s *Subject) ([]string, bool) { return s.Labels, true }, rego: "image.aqua_labels"},
	{name: "aqua.registry", doc: "registry: its host, or the name it is configured under",
		list: func(s *Subject) ([]string, bool) { return s.Registries, true }, rego: "image.registries"},
	{name: "kubernetes.cluster", doc: "cluster that asks",
		text: func(s *Subject) string { return s.Cluster }, rego: "context.cluster"},
	{name: "kubernetes.namespace", doc: "namespace of the workload",
		text: func(s *Subject) string { return s.Namespace }, rego: "context.namespace"},
	{name: "kubernetes.label", doc: "label of the workload", named: true,
		set: func(s *Subject) (map[string]string, bool) { return s.WorkloadLabels, s.WorkloadLabels != nil }, rego: "context.labels"},
	{name: "aqua.hostgroup", doc: "never known for an image"},
	{name: "aqua.topic", doc: "never known for an image"},
	{name: "os.hostname", doc: "never known for an image"},
	{name: "os.type", doc: "never known for an image"},
	{name: "function.name", doc: "never known for an image"},
	{name: "cloud.awsaccount", doc: "never known for an image"},
	{name: "repository.provider", doc: "never known for an image"},
	{name: "repository.branch", doc: "never known for an image"},
}

// Attributes lists the names that variables may use, in the order of the manual.
func Attributes() []string {
	names := make([]string, len(attributes))
	for i, a := range attributes {
		names[i] = a.name
	}
	return names
}

func attributeNamed(name string) (*attribute, bool) {
	i := slices.IndexFunc(attributes, func(a attribute) bool { return a.name == name })
	if i < 0 {
		return nil, false
	}
	return &attributes[i], true
}

// contextual tells the attributes that depend on where the question comes from.
func (a *attribute) contextual() bool {
	return strings.HasPrefix(a.rego, "context.")
}
