package storagetest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/distribution/distribution/v3/registry/storage/driver"
	s3driver "github.com/distribution/distribution/v3/registry/storage/driver/s3-aws"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// Bucket is a bucket of an S3 server in this process.
type Bucket struct {
	URL  string
	Name string
}

// S3 starts a server of the S3 protocol with one bucket, which ends with the
// test. watch, if not nil, sees every request before it is answered.
func S3(t testing.TB, watch func(*http.Request)) Bucket {
	t.Helper()
	backend := s3mem.New()
	const name = "cache"
	if err := backend.CreateBucket(name); err != nil {
		t.Fatal(err)
	}
	handler := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if watch != nil {
			watch(r)
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return Bucket{URL: server.URL, Name: name}
}

// Parameters are those of distribution's s3 driver for the bucket.
func (b Bucket) Parameters() map[string]any {
	return map[string]any{
		"region": "us-east-1", "regionendpoint": b.URL, "forcepathstyle": true, "secure": false,
		"bucket": b.Name, "accesskey": "test", "secretkey": "test",
	}
}

// Driver opens the bucket.
func (b Bucket) Driver(t testing.TB) driver.StorageDriver {
	t.Helper()
	d, err := s3driver.FromParameters(context.Background(), b.Parameters())
	if err != nil {
		t.Fatal(err)
	}
	return d
}
