package config

import "time"

// Webhook is the Kubernetes admission front.
type Webhook struct {
	Listen string   `yaml:"listen"`
	Names  []string `yaml:"names"` // DNS names and addresses in the certificate

	TLS          TLS          `yaml:"tls"` // somebody else's certificate, cert-manager's for one; empty: the gate's own
	Certificates Certificates `yaml:"certificates"`

	Kinds      []Kind      `yaml:"kinds"`       // that hold pods, besides the built-in ones
	Exempt     Exempt      `yaml:"exempt"`      // who is never asked about
	Namespaces []Namespace `yaml:"namespaces"`  // where other rules hold; the first that matches counts
	Mutate     string      `yaml:"mutate"`      // off, digest, gate: what the mutating step does to images of pods
	Gate       string      `yaml:"gate"`        // host:port under which nodes know the proxy, for mutate: gate
	BreakGlass BreakGlass  `yaml:"break_glass"` // letting an image pass in an emergency
}

// Kind is a kind of object that holds pods, in every version that it has.
type Kind struct {
	Group string   `yaml:"group"` // argoproj.io
	Kind  string   `yaml:"kind"`  // Rollout
	Paths []string `yaml:"paths"` // to pod templates, pod specs, containers or images: spec.template, spec.templates[*].container
}

// Exempt is who the webhook is never asked about. All are patterns: * stands
// for any text.
type Exempt struct {
	Namespaces      []string `yaml:"namespaces"`
	Users           []string `yaml:"users"`
	Groups          []string `yaml:"groups"`
	ServiceAccounts []string `yaml:"service_accounts"` // namespace/name
}

// Namespace is what holds in some namespaces alone.
type Namespace struct {
	Names   []string `yaml:"names"`   // patterns
	Mode    string   `yaml:"mode"`    // enforce (default), or audit: what is not allowed is admitted with a warning
	Pending string   `yaml:"pending"` // hold, block or allow images that wait for their analysis; default what the policies say
}

// BreakGlass is letting an image pass in an emergency, by an annotation.
type BreakGlass struct {
	Enabled bool          `yaml:"enabled"`
	MaxAge  time.Duration `yaml:"max_age"` // how long it stays open at most, 1 min to 7 days
}

// validateWebhook checks what the webhook itself does not: that checks kinds,
// patterns and words when it is made.
func (c *Config) validateWebhook(bad func(key, format string, args ...any)) {
	if d := c.Webhook.BreakGlass.MaxAge; d < time.Minute || d > 7*24*time.Hour {
		bad("webhook.break_glass.max_age", "%s is not between 1m and 168h", d)
	}
	if c.Webhook.Mutate == "gate" && c.Webhook.Gate == "" {
		bad("webhook.gate", "is empty: mutate: gate needs host:port under which nodes reach the proxy")
	}
}
