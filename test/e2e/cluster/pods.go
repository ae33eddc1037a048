package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Status is what the API server answers when it does not do what it was asked.
type Status struct {
	Code    int    `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Refused tells whether a webhook has denied the request, as opposed to
// something having failed.
func (s Status) Refused() bool { return s.Code == http.StatusForbidden }

// CreatePod asks the API server once, over a kept connection, to make a pod:
// for tests that make more of them than kubectl could. The status is that of
// the answer, and has code 201 when the pod is made; an error is that of a
// connection.
func (c *Cluster) CreatePod(ctx context.Context, namespace, name, image string) (Status, error) {
	pod, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"containers": []any{map[string]any{"name": "shop", "image": image}}},
	})
	if err != nil {
		return Status{}, err
	}
	code, body, err := c.do(ctx, http.MethodPost, "/api/v1/namespaces/"+namespace+"/pods", pod)
	if err != nil || code == http.StatusCreated {
		return Status{Code: code}, err
	}
	var s Status
	if err := json.Unmarshal(body, &s); err != nil || s.Code == 0 {
		return Status{Code: code, Message: string(body)}, nil
	}
	return s, nil
}

// PodNames lists the pods of a namespace.
func (c *Cluster) PodNames(ctx context.Context, namespace string) (map[string]bool, error) {
	code, body, err := c.do(ctx, http.MethodGet, "/api/v1/namespaces/"+namespace+"/pods", nil)
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	if err := json.Unmarshal(body, &list); err != nil || code != http.StatusOK {
		return nil, fmt.Errorf("listing pods: %d %w\n%.500s", code, err, body)
	}
	names := map[string]bool{}
	for _, item := range list.Items {
		names[item.Metadata.Name] = true
	}
	return names, nil
}

// Metrics is what the API server tells Prometheus.
func (c *Cluster) Metrics(ctx context.Context) (string, error) {
	_, body, err := c.do(ctx, http.MethodGet, "/metrics", nil)
	return string(body), err
}

func (c *Cluster) do(ctx context.Context, method, path string, body []byte) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, b, err
}
