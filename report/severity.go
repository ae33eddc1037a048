package report

import (
	"fmt"
	"strings"
)

// ParseSeverity reads a severity as people write it: any case, spaces around.
func ParseSeverity(s string) (Severity, error) {
	v := Severity(strings.ToLower(strings.TrimSpace(s)))
	if v.Rank() == 0 {
		return "", fmt.Errorf("%q is no severity: write info, low, medium, high or critical", s)
	}
	return v, nil
}

// ParseConclusion reads a conclusion as people write it: any case, spaces around.
func ParseConclusion(s string) (Conclusion, error) {
	switch v := Conclusion(strings.ToLower(strings.TrimSpace(s))); v {
	case Malicious, Suspicious, Clean, Inconclusive, Skipped:
		return v, nil
	}
	return "", fmt.Errorf("%q is no conclusion: write malicious, suspicious, clean, inconclusive or skipped", s)
}
