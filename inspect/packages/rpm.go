package packages

import (
	"fmt"
	"regexp"

	"github.com/sallyport-dev/sallyport/inspect/layers"
	"github.com/sallyport-dev/sallyport/inspect/packages/licence"
	"github.com/sallyport-dev/sallyport/inspect/packages/rpmdb"
)

// Where rpm has its database, and what the file is called in its formats.
var (
	rpmFolders = []string{"/var/lib/rpm", "/usr/lib/sysimage/rpm", "/usr/share/rpm"}
	rpmNames   = []string{"rpmdb.sqlite", "Packages.db", "Packages"}
)

const rpmLog = "-wal"

var rpmFiles = func() []layers.Wanted {
	var all []layers.Wanted
	for _, folder := range rpmFolders {
		for _, name := range rpmNames {
			all = append(all, layers.Wanted{Path: folder + "/" + name, Limit: database})
		}
		all = append(all, layers.Wanted{Path: folder + "/" + rpmNames[0] + rpmLog, Limit: database})
	}
	return all
}()

func readRPM(f Files) ([]Package, error) {
	type same struct{ *byte }
	seen := map[same]bool{} // one folder is often a link to another
	var all []Package
	for _, folder := range rpmFolders {
		for _, name := range rpmNames {
			path := folder + "/" + name
			b, err := read(f, path)
			if err != nil {
				return nil, err
			}
			if len(b) == 0 || seen[same{&b[0]}] {
				continue
			}
			seen[same{&b[0]}] = true
			log, err := read(f, path+rpmLog)
			if err != nil {
				return nil, err
			}
			some, err := rpmdb.Read(b, log)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			for _, p := range some {
				all = append(all, Package{
					Format: "rpm", Name: p.Name, Epoch: p.Epoch, Version: p.Version, Release: p.Release, Arch: p.Arch,
					Source: sourceName(p.Source), Licenses: licence.Parse(p.License), Path: path,
				})
			}
		}
	}
	return all, nil
}

var sourceFile = regexp.MustCompile(`^(.+)-[^-]+-[^-]+\.(?:no)?src\.rpm$`)

// sourceName is the name in a source package's file name.
func sourceName(file string) string {
	if m := sourceFile.FindStringSubmatch(file); m != nil {
		return m[1]
	}
	return file
}
