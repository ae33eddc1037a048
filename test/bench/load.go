package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const accept = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json"

func newClient() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4096, DisableCompression: true}}
}

// drain fetches url and returns the body's length.
func drain(c *http.Client, url string, buffer []byte) (int64, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", accept)
	resp, err := c.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	// The wrapper hides ReadFrom and WriteTo, which would go without the buffer.
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{resp.Body}, buffer)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return n, err
}

// flood fetches url from several clients at once for a while, and returns the
// bytes received and the seconds that it took.
func flood(url string, clients int, lasts time.Duration) (bytes int64, seconds float64, err error) {
	client := newClient()
	defer client.CloseIdleConnections()
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		start = time.Now()
	)
	for range clients {
		wg.Go(func() {
			buffer := make([]byte, 1<<20)
			for time.Since(start) < lasts {
				n, failed := drain(client, url, buffer)
				mu.Lock()
				bytes += n
				if failed != nil {
					err = failed
				}
				mu.Unlock()
				if failed != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return bytes, time.Since(start).Seconds(), err
}

// pull does what an engine does, from several clients at once: the manifest by
// tag, then three blobs at a time. It returns the seconds until all have all.
func pull(base, tag string, clients int) (float64, error) {
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		err   error
		start = time.Now()
	)
	for range clients {
		wg.Go(func() {
			if failed := pullOnce(base, tag); failed != nil {
				mu.Lock()
				err = failed
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return time.Since(start).Seconds(), err
}

func pullOnce(base, tag string) error {
	client := newClient()
	defer client.CloseIdleConnections()
	m, _, err := manifest(client, base, tag)
	if err != nil {
		return err
	}
	blobs := make(chan string, len(m.Layers)+1)
	blobs <- m.Config.Digest.String()
	for _, l := range m.Layers {
		blobs <- l.Digest.String()
	}
	close(blobs)
	failed := make(chan error, 3)
	for range cap(failed) {
		go func() {
			buffer := make([]byte, 1<<20)
			for d := range blobs {
				if _, err := drain(client, base+"/blobs/"+d, buffer); err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range cap(failed) {
		if e := <-failed; e != nil {
			err = e
		}
	}
	return err
}

// manifest fetches one, and tells how long its first byte took.
func manifest(client *http.Client, base, which string) (m v1.Manifest, first time.Duration, err error) {
	req, err := http.NewRequest(http.MethodGet, base+"/manifests/"+which, nil)
	if err != nil {
		return m, 0, err
	}
	req.Header.Set("Accept", accept)
	start := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return m, 0, err
	}
	first = time.Since(start)
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return m, first, fmt.Errorf("GET %s: %s", req.URL, resp.Status)
	}
	return m, first, json.NewDecoder(resp.Body).Decode(&m)
}
