// Package canary makes the secrets that are planted in a sandbox for a thief to
// take, and finds them again in what leaves.
//
// Randomness goes in; files and variables that hold unique secrets come out,
// and for each stream of bytes that leaves the sandbox, which of them it
// carried and how they were encoded. A secret is good for nothing: no account
// has it. The package does no input or output and knows no network.
package canary

import (
	"io"
)

// Set is the secrets of one run. It does not change and is safe for concurrent use.
type Set struct {
	secrets []Secret
}

// Secret is one planted value.
type Secret struct {
	Name  string   // e.g. aws_secret_access_key
	Value string   // as a thief would find it
	Owner []string // domain suffixes and addresses to which it belongs
}

// File is a secret's hiding place. It is only written where the image has no
// file of that path.
type File struct {
	Path    string // absolute
	Content []byte
	Mode    uint32 // permission bits
}

// New makes a fresh set from rand.
func New(rand io.Reader) (*Set, error) { return &Set{}, nil }

// Secrets lists all of them.
func (s *Set) Secrets() []Secret { return s.secrets }

// Value is the value of the named secret, "" when there is none.
func (s *Set) Value(name string) string { return "" }

// Files are the places where a thief looks, for a guest whose home is home
// (e.g. /root).
func (s *Set) Files(home string) []File { return nil }

// Environment is the variables that hold secrets, as KEY=VALUE. The image's
// own variables take precedence.
func (s *Set) Environment() []string { return nil }
