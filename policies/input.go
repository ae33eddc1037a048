package policies

import (
	"time"

	"github.com/sallyport-dev/sallyport/report"
)

// Input is the facts document: `input` in every generated and custom Rego
// package. Field names in JSON are part of the authors' contract.
//
// In Rego it has more fields, made from the others: image.names,
// image.repositories and image.registries, the values of the scope attributes
// image.name, image.repo and aqua.registry; image.runs_as_root; for every
// package its full_version and version_key; vulnerabilities.by_id; summary.
type Input struct {
	Now     time.Time `json:"now"`     // when the question is asked; rules have no clock of their own
	Image   Image     `json:"image"`   // what the image is
	DTA     DTA       `json:"dta"`     // what dynamic threat analysis says of it
	Context Context   `json:"context"` // who asks, and from where

	// What scanners and catalogues found out. Controls whose facts are not
	// known are shown as skipped.
	Packages        Packages        `json:"packages"`        // software that is installed in the image
	Vulnerabilities Vulnerabilities `json:"vulnerabilities"` // known weaknesses of the packages
	Malware         Malware         `json:"malware"`         // known bad content in the files
	Secrets         Secrets         `json:"secrets"`         // credentials in the files

	// Acknowledged risks are taken out of the facts above before any rule
	// reads them, and listed in the result.
	Acknowledged []Acknowledgement `json:"-"`
}

// Image is what is known of the image's bytes and names.
type Image struct {
	Registry     string            `json:"registry"`                // normalised host
	RegistryName string            `json:"registry_name,omitempty"` // what the registry is called in the configuration
	Repository   string            `json:"repository"`              // path
	Tags         []string          `json:"tags"`                    // every tag under which the digest is known in this repository
	Digest       string            `json:"digest"`                  // platform manifest
	OS           string            `json:"os"`                      // linux, windows
	Architecture string            `json:"architecture"`            // amd64, arm64, …
	Size         int64             `json:"size"`                    // bytes, compressed
	Created      time.Time         `json:"created,omitzero"`        // when it was built, as the configuration says; absent where it does not
	Author       string            `json:"author"`                  // as the configuration says
	User         string            `json:"user"`                    // as the configuration says
	Labels       map[string]string `json:"labels"`                  // of the image configuration (image.label)
	AquaLabels   []string          `json:"aqua_labels"`             // attached in Sallyport to image, repository or registry (aqua.label)
	Entrypoint   []string          `json:"entrypoint"`              // command that runs when a container starts, a word each
	Cmd          []string          `json:"cmd"`                     // default arguments of entrypoint, or the command where there is none
	Layers       []string          `json:"layers"`                  // diff ids
	UID          string            `json:"uid,omitempty"`           // numeric id of User, from the image's own passwd where it is a name
	GID          string            `json:"gid,omitempty"`           // numeric id of the group, likewise
	Account      Origin            `json:"account"`                 // who looked up uid and gid
	Env          []string          `json:"env"`                     // names of variables, not their values
	WorkingDir   string            `json:"working_dir"`             // where the command starts
	Ports        []string          `json:"ports"`                   // "80/tcp"
	Volumes      []string          `json:"volumes"`                 // paths
	History      []Step            `json:"history"`                 // one step for each line of the build, oldest first
	Variant      string            `json:"variant,omitempty"`       // of the architecture: v7, v8
	OSRelease    OSRelease         `json:"os_release"`              // the distribution
	Setuid       Files             `json:"setuid"`                  // files that run with the rights of their owner or group
	Capable      Files             `json:"file_capabilities"`       // files that run with capabilities
	BaseImages   BaseImages        `json:"base_images"`             // images that this one is built upon, nearest first
}

// Context is where the question comes from. Empty attributes have no value
// there: a term that reads one is false.
type Context struct {
	Kind      string            `json:"kind"`                // pull, admission, ci
	Cluster   string            `json:"cluster,omitempty"`   // where the workload is to run (kubernetes.cluster)
	Namespace string            `json:"namespace,omitempty"` // where the workload is to run (kubernetes.namespace)
	Labels    map[string]string `json:"labels,omitempty"`    // of the workload (kubernetes.label)
}

// DTA is the state of dynamic threat analysis of the image.
type DTA struct {
	Status    string            `json:"status"`             // none, pending, done, skipped
	Verdict   report.Conclusion `json:"verdict,omitempty"`  // malicious, suspicious, clean, inconclusive, skipped; absent until there is one
	Malicious bool              `json:"malicious"`          // a behaviour proves bad intent
	Severity  report.Severity   `json:"severity,omitempty"` // of the worst finding: info, low, medium, high, critical
	Time      time.Time         `json:"time,omitzero"`      // of the verdict
	Reason    string            `json:"reason,omitempty"`   // why skipped or inconclusive
	Findings  []DTAFinding      `json:"findings"`           // behaviours that were seen
}

// DTAFinding is one behaviour seen in the sandbox.
type DTAFinding struct {
	Slug      string          `json:"slug"`      // name of the rule that found it, for exceptions and links
	Name      string          `json:"name"`      // name of the behaviour, in words
	Category  report.Category `json:"category"`  // stage of an attack: initial_execution, weaponization, propagation, communication, collection_exfiltration
	Severity  report.Severity `json:"severity"`  // info, low, medium, high, critical
	Malicious bool            `json:"malicious"` // proves bad intent alone
	Message   string          `json:"message"`   // what happened, in one sentence
}
