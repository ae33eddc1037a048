package proxy

import (
	"github.com/sallyport-dev/sallyport/analysis"
	"github.com/sallyport-dev/sallyport/gate"
	"github.com/sallyport-dev/sallyport/verdict"
)

// What this package asks for is what the others are.
var (
	_ Gate      = (*gate.Gate)(nil)
	_ Grants    = (*analysis.Grants)(nil)
	_ Artifacts = (*verdict.Store)(nil)
)
