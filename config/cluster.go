package config

import (
	"slices"
	"strings"
	"time"
)

// Cluster is the Kubernetes cluster that the gate guards. In a pod with a
// service account everything has a default; elsewhere Kubeconfig must be set
// for what needs the cluster.
type Cluster struct {
	Name       string        `yaml:"name"`       // for scopes (kubernetes.cluster) and decisions
	Kubeconfig string        `yaml:"kubeconfig"` // file; empty: the pod's service account
	Context    string        `yaml:"context"`    // of the kubeconfig; empty: its current one
	Namespace  string        `yaml:"namespace"`  // the gate's own; empty: the service account's, or the context's
	QPS        float64       `yaml:"qps"`        // requests per second to the API server on average
	Burst      int           `yaml:"burst"`      // requests at once after a rest
	Timeout    time.Duration `yaml:"timeout"`    // of one request
	Events     bool          `yaml:"events"`     // tell about denials and exceptions in events of what is concerned
	Rejudge    Rejudge       `yaml:"rejudge"`
}

// Rejudge is how what runs in the cluster is judged again.
type Rejudge struct {
	Enabled   bool          `yaml:"enabled"`
	Lease     string        `yaml:"lease"`           // name of the Lease by which one replica is elected
	Every     time.Duration `yaml:"every"`           // at the latest, also when nothing has changed
	Pause     time.Duration `yaml:"pause"`           // at least so long between two rounds
	Exempt    []string      `yaml:"exempt"`          // namespaces that are left out, beside the gate's own and those of webhook.exempt; patterns
	Exempted  string        `yaml:"exempt_selector"` // labels of further namespaces that are left out; empty: none
	Reports   bool          `yaml:"reports"`         // write PolicyReport or OpenReports objects, where their kind is installed
	Results   int           `yaml:"max_results"`     // of one namespace's report
	Annotate  bool          `yaml:"annotate"`        // mark workloads that would be denied with the annotation sallyport.dev/denied
	Enforce   string        `yaml:"enforce_running"`
	PerMinute int           `yaml:"evictions_per_minute"`
	Selector  string        `yaml:"evict_selector"` // labels of namespaces in which pods are evicted, as the webhook configuration selects those that it denies in; empty: all
}

// What happens to pods that run and would be denied.
const (
	EnforceOff   = "off"   // they are reported
	EnforceEvict = "evict" // they are evicted, in namespaces that are enforced
)

// Certificates are how the webhook's own certificates are kept.
type Certificates struct {
	Secret    string        `yaml:"secret"`  // in the gate's namespace, for replicas to share; empty: files below data
	Publish   []string      `yaml:"publish"` // webhook configurations whose caBundle is kept: validatingwebhookconfigurations/NAME, mutatingwebhookconfigurations/NAME
	Authority time.Duration `yaml:"authority_life"`
	Leaf      time.Duration `yaml:"leaf_life"`
	Overlap   time.Duration `yaml:"overlap"` // how long a new authority is published before it signs
}

// The kinds that hold a caBundle.
var webhookKinds = []string{"validatingwebhookconfigurations", "mutatingwebhookconfigurations"}

const day = 24 * time.Hour

func defaultCertificates() Certificates {
	return Certificates{Authority: 3650 * day, Leaf: 90 * day, Overlap: 7 * day}
}

func defaultCluster() Cluster {
	return Cluster{
		QPS: 20, Burst: 40, Timeout: 10 * time.Second, Events: true,
		Rejudge: Rejudge{
			Lease: "sallyport-rejudge", Every: 15 * time.Minute, Pause: 10 * time.Second,
			Exempt:  []string{"kube-system", "kube-public", "kube-node-lease"},
			Reports: true, Results: 200, Enforce: EnforceOff, PerMinute: 10, Selector: "sallyport.dev/gate=enforce",
		},
	}
}

// validateCluster checks what concerns Kubernetes.
func (c *Config) validateCluster(bad func(key, format string, args ...any)) {
	k := c.Cluster
	if k.QPS <= 0 || k.QPS > 1000 {
		bad("cluster.qps", "%g is not between 0 and 1000", k.QPS)
	}
	if k.Burst < 1 {
		bad("cluster.burst", "%d must be at least 1", k.Burst)
	}
	if k.Timeout < time.Second || k.Timeout > time.Minute {
		bad("cluster.timeout", "%s is not between 1s and 1m", k.Timeout)
	}
	if k.Context != "" && k.Kubeconfig == "" {
		bad("cluster.context", "is set, but cluster.kubeconfig is not")
	}
	r := k.Rejudge
	if r.Every < time.Minute || r.Every > 7*day {
		bad("cluster.rejudge.every", "%s is not between 1m and 168h", r.Every)
	}
	if r.Pause < time.Second || r.Pause > r.Every {
		bad("cluster.rejudge.pause", "%s is not between 1s and cluster.rejudge.every", r.Pause)
	}
	if r.Lease == "" {
		bad("cluster.rejudge.lease", "is empty: name the Lease by which one replica is elected")
	}
	if r.Results < 1 || r.Results > 1000 {
		bad("cluster.rejudge.max_results", "%d is not between 1 and 1000: an object of the cluster holds no more", r.Results)
	}
	if r.Enforce != EnforceOff && r.Enforce != EnforceEvict {
		bad("cluster.rejudge.enforce_running", "%q is neither off nor evict", r.Enforce)
	}
	if r.PerMinute < 1 {
		bad("cluster.rejudge.evictions_per_minute", "%d must be at least 1", r.PerMinute)
	}
	t, own := c.Webhook.TLS, c.Webhook.Certificates
	if (t.Certificate == "") != (t.Key == "") {
		bad("webhook.tls", "needs both certificate and key")
	}
	if t.On() && (own.Secret != "" || len(own.Publish) > 0) {
		bad("webhook.certificates", "has a secret or something to publish, but webhook.tls names files: somebody else issues the certificate then, and publishes its CA")
	}
	if len(own.Publish) > 0 && own.Secret == "" {
		bad("webhook.certificates.publish", "is set without webhook.certificates.secret: replicas would each publish a CA of their own")
	}
	for _, p := range own.Publish {
		if kind, name, ok := strings.Cut(p, "/"); !ok || name == "" || !slices.Contains(webhookKinds, kind) {
			bad("webhook.certificates.publish", "%q is neither validatingwebhookconfigurations/NAME nor mutatingwebhookconfigurations/NAME", p)
		}
	}
	if own.Overlap < time.Second || own.Overlap > own.Leaf/4 || own.Leaf > own.Authority/4 {
		bad("webhook.certificates", "an overlap of %s, a leaf_life of %s and an authority_life of %s do not fit: each must be at most a quarter of the next, and the overlap at least 1s", own.Overlap, own.Leaf, own.Authority)
	}
}
