package console

import (
	"errors"
	"net/http"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/verdict"
)

// showReport gives the report behind the verdict of the query's image, as the
// sandbox wrote it. Query: image; platform (os/architecture) for one of
// several, else it is the one with the worst verdict.
func (c *Console) showReport(w http.ResponseWriter, r *http.Request) error {
	worst, err := c.reported(r)
	if err != nil {
		return err
	}
	raw, err := c.parts.Verdicts.Report(r.Context(), digestOf(*worst))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(raw)
	return err
}

// showEvents gives the events behind the report that showReport gives, one JSON
// document a line and compressed with gzip, as the sandbox wrote them.
func (c *Console) showEvents(w http.ResponseWriter, r *http.Request) error {
	worst, err := c.reported(r)
	if err != nil {
		return err
	}
	raw, err := c.parts.Verdicts.Events(r.Context(), digestOf(*worst))
	if errors.Is(err, verdict.ErrNone) {
		return problem(http.StatusNotFound, "no events were kept of the run of %s: run it again to have them", digestOf(*worst))
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/gzip")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, err = w.Write(raw)
	return err
}

// reported is the image of the query that has a report.
func (c *Console) reported(r *http.Request) (*gate.Judged, error) {
	ref, err := c.reference(r.URL.Query().Get("image"))
	if err != nil {
		return nil, err
	}
	if ref, err = c.find(r.Context(), ref); err != nil {
		return nil, err
	}
	d, err := c.parts.Gate.Decide(r.Context(), gate.Request{Reference: ref, Context: policies.Context{Kind: "pull"}, DryRun: true, PoliciesOnly: true})
	if err != nil {
		return nil, err
	}
	judged := d.Judged
	if text := r.URL.Query().Get("platform"); text != "" {
		if judged, err = ofPlatform(judged, text, ref); err != nil {
			return nil, err
		}
	}
	worst := worstReported(judged)
	if worst == nil {
		state := d.State
		if state == "" {
			state = "it was not analysed; label it DTA and it will be"
		}
		return nil, problem(http.StatusNotFound, "there is no report about %s: %s", ref, state)
	}
	return worst, nil
}

func ofPlatform(judged []gate.Judged, text string, ref image.Reference) ([]gate.Judged, error) {
	p, err := image.ParsePlatform(text)
	if err != nil {
		return nil, problem(http.StatusBadRequest, "%w", err)
	}
	for _, j := range judged {
		if j.Platform.OS == p.OS && j.Platform.Architecture == p.Architecture && (p.Variant == "" || p.Variant == j.Platform.Variant) {
			return []gate.Judged{j}, nil
		}
	}
	return nil, problem(http.StatusNotFound, "%s has no image for %s", ref, p)
}

// worstReported is the platform's image with the worst verdict of those with a
// report, the first of equals.
func worstReported(judged []gate.Judged) *gate.Judged {
	rank := map[report.Conclusion]int{report.Malicious: 4, report.Suspicious: 3, report.Inconclusive: 2, report.Clean: 1}
	var worst *gate.Judged
	for i, j := range judged {
		if j.Verdict == nil || j.Verdict.Report == "" {
			continue
		}
		if worst == nil || rank[j.Verdict.Conclusion] > rank[worst.Verdict.Conclusion] {
			worst = &judged[i]
		}
	}
	return worst
}
