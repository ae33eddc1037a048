package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/azure"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/s3-aws"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/objects"
)

// openStorage makes the storage driver that the settings name.
func openStorage(ctx context.Context, cfg config.Config) (driver.StorageDriver, error) {
	name, parameters := cfg.StorageDriver()
	d, err := factory.Create(ctx, name, parameters)
	if errors.As(err, new(factory.InvalidStorageDriverError)) {
		if name == "gcs" {
			return nil, fmt.Errorf("storage.gcs: this binary was built without it, which makes it a quarter smaller: build with -tags gcs, or use the bucket's S3 interface (storage.s3 with regionendpoint: https://storage.googleapis.com and an HMAC key)")
		}
		return nil, fmt.Errorf("storage.%s: there is no such driver: known are filesystem, s3, azure, gcs and inmemory", name)
	}
	if err != nil {
		return nil, fmt.Errorf("storage.%s: %w", name, err)
	}
	return d, nil
}

// openObjects keeps small documents under the driver that openStorage made.
func openObjects(cfg config.Config, d driver.StorageDriver) *objects.Store {
	if name, parameters := cfg.StorageDriver(); name == "filesystem" {
		if root, ok := parameters["rootdirectory"].(string); ok && root != "" {
			return objects.NewLocal(d, root)
		}
	}
	return objects.New(d)
}
