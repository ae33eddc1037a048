package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newDetachCommand() *cobra.Command {
	var names []string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "detach",
		Short: "Have the cluster ask this gate no more: delete its webhook configurations",
		Long: `Deletes the named ValidatingWebhookConfigurations and MutatingWebhookConfigurations of the cluster
that this process runs in, as a pod. What is uninstalled afterwards then keeps nothing from being created. What is
gone already is no fault. The chart runs it before anything else is deleted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			api, err := podAPI(os.Getenv, "/var/run/secrets/kubernetes.io/serviceaccount")
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return detach(ctx, api, names, time.Second, cmd.OutOrStdout())
		},
	}
	c.Flags().StringArrayVar(&names, "name", nil, "name of a webhook configuration, of either kind; may be repeated")
	c.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to try")
	_ = c.MarkFlagRequired("name")
	return c
}

// errGone is returned for what is not there.
var errGone = errors.New("not found in the cluster")

// detach deletes the configurations of both kinds. An API server that does not
// answer is asked again until ctx ends: what stays behind blocks the cluster.
func detach(ctx context.Context, api *admissionAPI, names []string, pause time.Duration, out io.Writer) error {
	for _, name := range names {
		for _, kind := range []string{"validatingwebhookconfigurations", "mutatingwebhookconfigurations"} {
			err := api.delete(ctx, kind, name)
			for err != nil && !errors.Is(err, errGone) {
				select {
				case <-ctx.Done():
					return fmt.Errorf("%w; delete it with `kubectl delete %s %s`", err, kind, name)
				case <-time.After(pause):
				}
				err = api.delete(ctx, kind, name)
			}
			if err == nil {
				fmt.Fprintln(out, "deleted:", kind, name)
			}
		}
	}
	return nil
}

// admissionAPI is the API server's interface for webhook configurations.
type admissionAPI struct {
	base      *url.URL
	tokenFile string // read each time: it expires
	client    *http.Client
}

// podAPI is that of the cluster in which this process is a pod.
func podAPI(getenv func(string) string, account string) (*admissionAPI, error) {
	host, port := getenv("KUBERNETES_SERVICE_HOST"), getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return nil, errors.New("this is no pod of a cluster: elsewhere use `kubectl delete validatingwebhookconfiguration NAME`")
	}
	ca, err := os.ReadFile(filepath.Join(account, "ca.crt"))
	if err != nil {
		return nil, fmt.Errorf("the pod's service account: %w; set automountServiceAccountToken", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", filepath.Join(account, "ca.crt"))
	}
	return &admissionAPI{
		base:      &url.URL{Scheme: "https", Host: net.JoinHostPort(host, port), Path: "/apis/admissionregistration.k8s.io/v1"},
		tokenFile: filepath.Join(account, "token"),
		client: &http.Client{
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true},
		},
	}, nil
}

func (a *admissionAPI) delete(ctx context.Context, kind, name string) error {
	token, err := os.ReadFile(a.tokenFile)
	if err != nil {
		return fmt.Errorf("the pod's service account: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodDelete, a.base.JoinPath(kind, url.PathEscape(name)).String(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	req.Header.Set("Accept", "application/json")
	resp, err := a.client.Do(req)
	if err != nil {
		return fmt.Errorf("deleting %s %s: %w", kind, name, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusAccepted:
		return nil
	case http.StatusNotFound:
		return errGone
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("deleting %s %s: the pod's service account may not: give it a ClusterRole with delete on it", kind, name)
	}
	return fmt.Errorf("deleting %s %s: the API server answered %s", kind, name, resp.Status)
}
