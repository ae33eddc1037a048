package document

import (
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Extension holds what the public document has no field for. Its own unknown
// keys are errors: nobody else writes it.
type Extension struct {
	Pending        Pending      `json:"pending,omitempty"`      // while dynamic analysis has no verdict; default hold
	Inconclusive   Inconclusive `json:"inconclusive,omitempty"` // when the sandbox could not tell; default warn
	Fault          Fault        `json:"fault,omitempty"`        // when the policy cannot be evaluated; default close
	MaxVerdictAge  Duration     `json:"max_verdict_age,omitempty"`
	PUAIsMalicious bool         `json:"pua_is_malicious,omitempty"` // potentially unwanted software counts as malware
	Message        string       `json:"message,omitempty"`          // added to every denial: whom to ask, where to read
	Exempt         []Exemption  `json:"exempt,omitempty"`
}

// Pending says what happens to an image whose dynamic analysis has no result yet.
type Pending string

// The ways to treat a pending image.
const (
	Hold  Pending = "hold"  // the client waits, then is told to come back
	Block Pending = "block" // denied until there is a verdict
	Allow Pending = "allow" // passes with a warning
)

// Inconclusive says what an inconclusive dynamic analysis means.
type Inconclusive string

// The ways to treat an inconclusive analysis.
const (
	InconclusiveWarn  Inconclusive = "warn"
	InconclusiveBlock Inconclusive = "block"
	InconclusivePass  Inconclusive = "pass"
)

// Fault says what happens to an image that the policy cannot be evaluated for.
type Fault string

// The ways to treat a fault.
const (
	FaultClose Fault = "close" // the policy fails
	FaultOpen  Fault = "open"  // it passes with a warning
)

// Exemption excuses images from one policy, in public and for a time.
type Exemption struct {
	Image   string `json:"image"`             // as image.name in scopes, or a digest; "*" stands for anything
	Control string `json:"control,omitempty"` // only this control; empty: the whole policy
	Reason  string `json:"reason"`
	Author  string `json:"author"`
	Expires Expiry `json:"expires,omitzero"`
}

// New returns an image policy with the defaults that the public clients set.
func New(name string) Document {
	d := defaults()
	d.Name = name
	d.ApplicationScopes = []string{"Global"}
	return d
}

// defaults are the values of fields that a document leaves out.
func defaults() Document {
	return Document{AssuranceType: "image", Enabled: true, BlockFailed: true, FailCICD: true, AuditOnFailure: true}
}

// PendingMode is what to do while dynamic analysis has no verdict.
func (d Document) PendingMode() Pending {
	if d.Sallyport == nil || d.Sallyport.Pending == "" {
		return Hold
	}
	return d.Sallyport.Pending
}

// InconclusiveMode is what an inconclusive analysis means.
func (d Document) InconclusiveMode() Inconclusive {
	if d.Sallyport == nil || d.Sallyport.Inconclusive == "" {
		return InconclusiveWarn
	}
	return d.Sallyport.Inconclusive
}

// FaultMode is what a fault means.
func (d Document) FaultMode() Fault {
	if d.Sallyport == nil || d.Sallyport.Fault == "" {
		return FaultClose
	}
	return d.Sallyport.Fault
}

// extensionKeys are the keys that may stand at path inside the extension.
func extensionKeys(path []string) []string {
	t := reflect.TypeFor[Extension]()
	if len(path) > 1 {
		t = reflect.TypeFor[Exemption]()
	}
	var keys []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		keys = append(keys, name)
	}
	return keys
}

// Changed is when the document was last changed, where lastupdate says so: as
// a time of RFC 3339, a date, or seconds since 1970.
func (d Document) Changed() (time.Time, bool) {
	text := strings.TrimSpace(d.LastUpdate)
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.999999999", time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil && seconds > 0 && seconds < 1<<40 {
		return time.Unix(seconds, 0).UTC(), true
	}
	return time.Time{}, false
}
