package export

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-dev/sallyport/report"
)

// layer is a layer of the ATT&CK Navigator, format 4.5
// (github.com/mitre-attack/attack-navigator, layers/spec/v4.5).
type layer struct {
	Name        string            `json:"name"`
	Versions    map[string]string `json:"versions"`
	Domain      string            `json:"domain"`
	Description string            `json:"description"`
	Filters     map[string]any    `json:"filters"`
	Techniques  []layerTechnique  `json:"techniques"`
	Gradient    map[string]any    `json:"gradient"`
	Legend      []layerLegend     `json:"legendItems"`
	Metadata    []layerMeta       `json:"metadata"`
}

type layerTechnique struct {
	ID                string      `json:"techniqueID"`
	Tactic            string      `json:"tactic,omitempty"`
	Score             int         `json:"score"`
	Color             string      `json:"color"`
	Comment           string      `json:"comment"`
	Enabled           bool        `json:"enabled"`
	Metadata          []layerMeta `json:"metadata"`
	ShowSubtechniques bool        `json:"showSubtechniques"`
}

type layerMeta struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type layerLegend struct {
	Label string `json:"label"`
	Color string `json:"color"`
}

// Navigator writes the techniques of r's findings as a layer for the ATT&CK
// Navigator. A technique's score is its worst severity's, 20 (info) to 100
// (critical, or proved malicious). The error is w's.
func Navigator(w io.Writer, r *report.Report) error {
	l := layer{
		Name:     report.Escape(r.Image.Reference),
		Versions: map[string]string{"attack": r.Tool.AttackVersion, "navigator": "5.1.0", "layer": "4.5"},
		Domain:   "enterprise-attack", Description: fmt.Sprintf("%s: %s", r.Verdict, report.Escape(r.Summary)),
		Filters:    map[string]any{"platforms": []string{"Containers", "Linux"}},
		Techniques: []layerTechnique{},
		Gradient:   map[string]any{"colors": []string{"#ffffff", color(report.Critical)}, "minValue": 0, "maxValue": 100},
		Metadata: []layerMeta{
			{"digest", r.Image.Digest}, {"scan", r.ID}, {"ruleset", r.Tool.Ruleset}, {"finished", timestamp(r.Run.Finished)},
		},
	}
	for _, s := range []report.Severity{report.Info, report.Low, report.Medium, report.High, report.Critical} {
		l.Legend = append(l.Legend, layerLegend{string(s), color(s)})
	}
	type key struct{ id, tactic string }
	at := map[key]int{}
	for _, f := range r.Findings {
		for _, a := range f.Attack {
			k := key{a.ID, strings.ReplaceAll(strings.ToLower(a.Tactic), " ", "-")}
			n, ok := at[k]
			if !ok {
				n = len(l.Techniques)
				at[k] = n
				l.Techniques = append(l.Techniques, layerTechnique{ID: k.id, Tactic: k.tactic, Enabled: true, Metadata: []layerMeta{}, ShowSubtechniques: strings.Contains(k.id, ".")})
			}
			t := &l.Techniques[n]
			if score := f.Severity.Rank() * 20; score > t.Score {
				t.Score, t.Color = score, color(f.Severity)
			}
			if f.Malicious {
				t.Score, t.Color = 100, color(report.Critical)
			}
			t.Comment = strings.TrimPrefix(t.Comment+"\n"+f.Name+": "+report.Escape(f.Message), "\n")
			t.Metadata = append(t.Metadata, layerMeta{"behaviour", f.Slug})
		}
	}
	slices.SortStableFunc(l.Techniques, func(a, b layerTechnique) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Tactic, b.Tactic))
	})
	return encode(w, l)
}

func color(s report.Severity) string {
	switch s {
	case report.Critical:
		return "#b71c1c"
	case report.High:
		return "#e65100"
	case report.Medium:
		return "#f9a825"
	case report.Low:
		return "#9e9d24"
	}
	return "#78909c"
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
