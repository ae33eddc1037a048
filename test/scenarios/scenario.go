package scenarios

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/test/samples"
)

// Scenario is one image that plays a story, and what the report of its run must
// say.
type Scenario struct {
	Name   string // e.g. "a02-pipe-to-shell"
	Story  string // what happens, in a line
	Image  samples.Spec
	Served map[string]Served // what the internet has for the story, by URL
	Expect samples.Expect
	Passes []string // that must have been made

	// Explained is, for a story without ill intent, each finding of medium
	// severity or worse that it may cause, by slug, and why that is right. Such
	// a finding without an explanation is a fault. The same stands in
	// docs/scenarios.md, for whoever wonders.
	Explained map[string]string

	// Repeat: CI runs it several times, to see that the findings stay the same.
	Repeat bool
}

// Served is what one URL answers: a text, or a program when Text is empty.
type Served struct {
	Text    string
	Program samples.Built
}

// Recording is the bodies that the story finds on the internet, by URL, for
// network replay. It is empty for most.
func (s Scenario) Recording(k *samples.Kit) (map[string][]byte, error) {
	bodies := map[string][]byte{}
	for url, served := range s.Served {
		bodies[url] = []byte(served.Text)
		if served.Text != "" {
			continue
		}
		program, err := k.Build(served.Program)
		if err != nil {
			return nil, fmt.Errorf("scenario %s: %w", s.Name, err)
		}
		bodies[url] = program
	}
	return bodies, nil
}

// Benign tells whether the story is without ill intent.
func (s Scenario) Benign() bool { return !slices.Contains(s.Expect.Verdict, report.Malicious) }

// All lists every scenario.
func All() []Scenario {
	return slices.Concat(campaigns(), wellMeant(), variations())
}

// Build makes the image of a scenario.
func (s Scenario) Build(k *samples.Kit) (v1.Image, error) {
	img, err := k.Image(s.Image)
	if err != nil {
		return nil, fmt.Errorf("scenario %s: %w", s.Name, err)
	}
	return img, nil
}

// Check compares a report with what is expected, and lists what differs.
func (s Scenario) Check(r *report.Report) []string {
	faults := s.Expect.Check(r)
	for _, name := range s.Passes {
		if !slices.Contains(r.Run.Passes, name) {
			faults = append(faults, fmt.Sprintf("there was no pass %s, only %v; skipped were %v", name, r.Run.Passes, r.Run.Coverage.Skipped))
		}
	}
	if !s.Benign() {
		return faults
	}
	for _, f := range r.Findings {
		switch {
		case f.Malicious:
			faults = append(faults, fmt.Sprintf("%s is called proof of malice: %s", f.Slug, f.Message))
		case f.Severity.Rank() >= report.Medium.Rank() && s.Explained[f.Slug] == "":
			faults = append(faults, fmt.Sprintf("%s (%s) was found and nobody explained why: %s; %+v", f.Slug, f.Severity, f.Message, f.Evidence))
		}
	}
	return faults
}

var (
	malicious = []report.Conclusion{report.Malicious}
	harmless  = []report.Conclusion{report.Clean, report.Suspicious}
)

// ill is a story that must be found out.
func ill(name, story string, image samples.Spec, must ...samples.Finding) Scenario {
	return Scenario{Name: name, Story: story, Image: image, Expect: samples.Expect{MustHave: must, Verdict: malicious}}
}

// well is a story that must not be taken for an ill one.
func well(name, story string, image samples.Spec, not ...string) Scenario {
	return Scenario{Name: name, Story: story, Image: image, Expect: samples.Expect{MustNot: not, Verdict: harmless}}
}

func (s Scenario) explained(why map[string]string) Scenario {
	s.Explained = why
	return s
}

// inPasses is a story that takes these passes to be told.
func (s Scenario) inPasses(names ...string) Scenario {
	s.Passes = names
	return s
}

func (s Scenario) served(what map[string]Served) Scenario {
	s.Served = what
	return s
}

func (s Scenario) repeated() Scenario {
	s.Repeat = true
	return s
}

// found is a behaviour of a category that must be found with these texts in its
// evidence.
func found(category report.Category, slug string, evidence ...string) samples.Finding {
	return samples.Finding{Slug: slug, Category: category, Evidence: evidence}
}

// by is a finding whose evidence is of a process that comes from these programs.
func by(f samples.Finding, chain ...string) samples.Finding {
	f.Chain = chain
	return f
}

// worse is a finding of at least this severity.
func worse(severity report.Severity, f samples.Finding) samples.Finding {
	f.Severity = severity
	return f
}

// player is the program that plays the stories' programs.
var player = samples.Built{Package: "scenarios/player"}

// script is an image whose entrypoint is a shell script, with the player under
// each of the given paths.
func script(path, text string, players ...string) samples.Spec {
	s := samples.Spec{Entrypoint: []string{path}, Files: map[string]string{path: "#!/bin/sh\n" + text}}
	return with(s, players...)
}

// with adds the player under these paths.
func with(s samples.Spec, players ...string) samples.Spec {
	s.Built = maps.Clone(s.Built)
	if s.Built == nil {
		s.Built = map[string]samples.Built{}
	}
	for _, path := range players {
		s.Built[path] = player
	}
	return s
}

// files adds files.
func files(s samples.Spec, more map[string]string) samples.Spec {
	s.Files = maps.Clone(s.Files)
	if s.Files == nil {
		s.Files = map[string]string{}
	}
	maps.Copy(s.Files, more)
	return s
}

func gzipped(text string) (string, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		return "", err
	}
	err := w.Close()
	return b.String(), err
}
