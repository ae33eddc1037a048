// Command program is what the tests pack: small, with one dependency.
package main

import (
	"fmt"

	"github.com/opencontainers/go-digest"
)

func main() { fmt.Println(digest.FromString("program")) }
