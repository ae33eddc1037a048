package translate

import "github.com/sallyport-dev/sallyport/policies/document"

// malwareData is of the control for known malware.
func malwareData(d *document.Document) (any, error) {
	return struct {
		PUA     bool     // counts as malware
		Watched []string // conditions of paths that count; none: all
		Except  []string // conditions of paths that do not
		Ignores bool
	}{
		PUA:     d.Sallyport != nil && d.Sallyport.PUAIsMalicious,
		Watched: pathConditions(d.MalwarePaths),
		Except:  pathConditions(d.MalwarePathsExcluded),
		Ignores: ignoresPaths(d),
	}, nil
}

// sensitiveData is of the control for secrets.
func sensitiveData(d *document.Document) (any, error) {
	return struct {
		Except  []string
		Ignores bool
	}{pathConditions(d.IgnoredSensitiveResources), ignoresPaths(d)}, nil
}
