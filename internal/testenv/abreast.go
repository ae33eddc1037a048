package testenv

import (
	"flag"
	"runtime"
	"strconv"
)

// Abreast is for TestMain, before the tests: as many of those that may run beside
// others are run at a time as suits tests that mostly wait, unless -parallel
// says how many.
func Abreast() {
	if !flag.Parsed() {
		flag.Parse()
	}
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if !said {
		_ = flag.Set("test.parallel", strconv.Itoa(3*runtime.NumCPU())) // a number that it takes
	}
}
