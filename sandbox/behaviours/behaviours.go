// Package behaviours holds the rules that say what is bad: one Rego package
// per behaviour, its test beside it, the words that they share in lib, the
// names that they look for in lists, and the logic of the verdict.
//
// It is data with an embed directive; package judge evaluates it.
//
// A behaviour lies in <category>/<slug>.rego, as package
// sallyport.behaviours.<category>["<slug>"]. Its METADATA tells title,
// description, severity, group (what it is one sign of: two signs of different
// groups in one lineage are proof), ATT&CK techniques and what to do. It
// reads an observation as input, and defines the set finding of objects
//
//	message    what happened here, one line
//	evidence   at least one: type, event, ms, process, detail and more; see lib
//	malicious  whether this alone is proof; default false
//	severity   unless it is that of the METADATA
//	confidence 0 to 100; default 80
//	lineage    lineage_id of the process that did it
package behaviours

import (
	"embed"
	"encoding/json"
	"maps"
	"slices"
)

// FS holds the rules, their tests, and the lists.
//
//go:embed *.rego lib lists initial_execution weaponization propagation communication collection_exfiltration
var FS embed.FS

//go:embed lists/watched_reads.json lists/credential_stores.json lists/environment_tells.json lists/recon_reads.json
var readLists embed.FS

// Reads is the files whose opening for reading rules ask for, as the sensor
// takes them: paths, names, endings with "*" in front, and "/proc/*/name" for
// files of any process.
func Reads() []string {
	all := map[string]bool{}
	for _, name := range []string{"watched_reads", "credential_stores", "environment_tells", "recon_reads"} {
		b, err := readLists.ReadFile("lists/" + name + ".json")
		if err != nil {
			panic(err) // it is embedded
		}
		var list map[string]struct {
			Names   map[string]string `json:"names"`
			Endings map[string]string `json:"endings"`
			Paths   map[string]string `json:"paths"`
		}
		if err := json.Unmarshal(b, &list); err != nil {
			panic("the list " + name + ": " + err.Error()) // tests load it
		}
		for _, kind := range list {
			for n := range kind.Names {
				all[n] = true
			}
			for e := range kind.Endings {
				all["*"+e] = true
			}
			for p := range kind.Paths {
				all[p] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}
