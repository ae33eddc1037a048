package main

import (
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

// many stores n images without layers that differ by a label, and returns the
// names under which a gate knows them.
func (u *upstream) many(n int) ([]string, error) {
	names := make([]string, n)
	var group errgroup.Group
	group.SetLimit(8)
	for i := range names {
		group.Go(func() error {
			img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
			config, err := img.ConfigFile()
			if err != nil {
				return err
			}
			config = config.DeepCopy()
			config.OS, config.Architecture = "linux", "amd64"
			config.Config.Labels = map[string]string{"number": fmt.Sprint(i)}
			if img, err = mutate.ConfigFile(img, config); err != nil {
				return err
			}
			at := fmt.Sprintf("bench/app%d:v1", i)
			ref, err := name.ParseReference(u.host + "/" + at)
			if err != nil {
				return err
			}
			names[i] = "bench.test/" + at
			return remote.Write(ref, img)
		})
	}
	return names, group.Wait()
}
