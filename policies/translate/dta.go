package translate

import (
	"time"

	"github.com/sallyport-dev/sallyport/policies/document"
)

// dta is what the template of the control reads.
type dta struct {
	Threshold    string   // as in the document
	Severities   []string // that fail: the threshold or worse
	Inconclusive document.Inconclusive
	MaxAge       string // "30d"; empty: any age
	MaxAgeNS     int64
}

func dtaData(d *document.Document) (any, error) {
	t := dta{
		Threshold:    string(d.DTASeverity),
		Severities:   fromSeverity(string(d.DTASeverity)),
		Inconclusive: d.InconclusiveMode(),
	}
	if d.Sallyport != nil && d.Sallyport.MaxVerdictAge > 0 {
		t.MaxAge, t.MaxAgeNS = d.Sallyport.MaxVerdictAge.String(), int64(time.Duration(d.Sallyport.MaxVerdictAge))
	}
	return t, nil
}

// severities of the document format, mildest first. Findings of dynamic
// analysis call the first one info.
var severities = []string{"negligible", "low", "medium", "high", "critical"}

// fromSeverity lists threshold and what is worse: a severity equal to the
// threshold fails, as the format's manual says. No threshold gives none.
func fromSeverity(threshold string) []string {
	for i, s := range severities {
		if s != threshold {
			continue
		}
		all := append([]string{}, severities[i:]...)
		if i == 0 {
			all[0] = "info"
		}
		return all
	}
	return nil
}
