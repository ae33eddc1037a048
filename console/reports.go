package console

import (
	"net/http"

	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/report"
)

// showReport gives the report behind the verdict of the query's image, as the
// sandbox wrote it. Query: image; platform (os/architecture) for one of
// several, else it is the one with the worst verdict.
func (c *Console) showReport(w http.ResponseWriter, r *http.Request) error {
	ref, err := c.reference(r.URL.Query().Get("image"))
	if err != nil {
		return err
	}
	if ref, err = c.find(r.Context(), ref); err != nil {
		return err
	}
	d, err := c.parts.Gate.Decide(r.Context(), gate.Request{Reference: ref, Context: policies.Context{Kind: "pull"}, DryRun: true})
	if err != nil {
		return err
	}
	judged := d.Judged
	if text := r.URL.Query().Get("platform"); text != "" {
		if judged, err = ofPlatform(judged, text, ref); err != nil {
			return err
		}
	}
	worst := worstReported(judged)
	if worst == nil {
		state := d.State
		if state == "" {
			state = "it was not analysed; label it DTA and it will be"
		}
		return problem(http.StatusNotFound, "there is no report about %s: %s", ref, state)
	}
	raw, err := c.parts.Verdicts.Report(r.Context(), digestOf(*worst))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(raw)
	return err
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

// showDecision gives a decision of the audit log.
func (c *Console) showDecision(w http.ResponseWriter, r *http.Request) error {
	d, err := c.parts.Gate.Decision(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, d)
}
