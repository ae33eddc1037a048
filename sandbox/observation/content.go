package observation

import (
	"fmt"
	"io"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/scan"
)

// maxContents is how many different contents are told about.
const maxContents = 5_000

// Content is what the bytes behind a hash say, wherever they were met.
type Content struct {
	Size    int64        `json:"size"`
	Type    string       `json:"type"`    // elf, script, text, archive, data
	Entropy float64      `json:"entropy"` // bits per byte, 0 to 8
	Head    string       `json:"head"`    // of script and text the first 4 KiB, of other types the first 64 bytes; escaped as Flow.Out
	ELF     *scan.ELF    `json:"elf,omitempty"`
	Matches []scan.Match `json:"matches,omitempty"` // byte rules that match: miner, packer-upx, bot …; see package scan
	Paths   []string     `json:"paths"`             // where it was seen, the first 16
}

const (
	maxContentPaths = 16
	dataHead        = 64 // bytes of what is neither script nor text
)

// content keeps facts under their hash.
func (b *Builder) content(facts scan.Facts) Content {
	if known := b.o.Contents[facts.SHA256]; known != nil {
		return *known
	}
	c := &Content{Size: facts.Size, Type: facts.Type, Entropy: facts.Entropy, ELF: facts.ELF, Matches: facts.Matches}
	head := facts.Head
	if c.Type != "script" && c.Type != "text" {
		head = head[:min(len(head), dataHead)]
	}
	if b.heads+len(head) <= maxHeads {
		b.heads += len(head)
		c.Head = Printable(head)
	}
	if len(b.o.Contents) < maxContents {
		b.o.Contents[facts.SHA256] = c
	} else {
		b.o.Run.Counts.Dropped[contentKind]++
	}
	return *c
}

// contentKind is under what contents beyond the limit are counted.
const contentKind = "content"

// found notes that the content with this hash was at path.
func (b *Builder) found(sha256, path string) {
	c := b.o.Contents[sha256]
	if c == nil || path == "" || len(c.Paths) >= maxContentPaths {
		return
	}
	for _, p := range c.Paths {
		if p == path {
			return
		}
	}
	c.Paths = append(c.Paths, path)
}

// AddCopy reads a file that the sensor kept: one that was executed, or is not
// in the difference of the file system because it was removed, replaced, or
// lay in memory. Without whole its end is missing, and its hash is not told.
func (b *Builder) AddCopy(c event.Copy, whole bool, r io.Reader) error {
	name := cleanPath(c.Path, "/")
	facts, err := scan.Read(r)
	if err != nil {
		return fmt.Errorf("reading the copy of %q: %w", name, err)
	}
	if whole {
		b.content(facts)
		b.found(facts.SHA256, name)
	}
	if c.Reason == event.CopyExec {
		return nil
	}
	if len(b.o.Files.Created) >= maxFiles {
		b.o.Run.Counts.Dropped[diffKind]++
		return nil
	}
	f := File{
		Path: name, Type: facts.Type, Mode: c.Mode & 0o7777, UID: int(c.UID), Size: c.Size, Entropy: facts.Entropy,
		Gone: c.Reason != event.CopyEnd, gone: millis(c.Time),
	}
	if whole {
		f.SHA256 = facts.SHA256
		if known := b.o.Contents[f.SHA256]; known != nil {
			f.Head = known.Head
		}
	}
	b.o.Files.Created = append(b.o.Files.Created, f)
	return nil
}

// Executed is the paths of programs and scripts of the image that ran, each once.
func (b *Builder) Executed() []string {
	var list []string
	seen := map[string]bool{}
	add := func(name string) {
		if name != "" && !seen[name] {
			seen[name] = true
			list = append(list, name)
		}
	}
	for _, p := range b.tree.order {
		if p.Forked || p.Probe {
			continue
		}
		if !p.Drift {
			add(p.Exe)
		}
		if name := script(p.Exe, p.Argv, p.CWD); name != "" && !b.writes.has(name) {
			add(name)
		}
	}
	return list
}

// AddContent looks into the file that was at path. The error is that of r, with the path.
func (b *Builder) AddContent(path string, r io.Reader) error {
	facts, err := scan.Read(r)
	if err != nil {
		return fmt.Errorf("reading %q: %w", path, err)
	}
	b.content(facts)
	b.found(facts.SHA256, path)
	return nil
}
