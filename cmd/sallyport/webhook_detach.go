package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/sallyport-dev/sallyport/cluster"
)

func newDetachCommand() *cobra.Command {
	var names []string
	var kubeconfig string
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "detach",
		Short: "Have the cluster ask this gate no more: delete its webhook configurations",
		Long: `Deletes the named ValidatingWebhookConfigurations and MutatingWebhookConfigurations. What is uninstalled
afterwards then keeps nothing from being created. What is gone already is no fault. The chart runs it before anything
else is deleted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := cluster.Connect(cluster.Config{Kubeconfig: kubeconfig, Version: version})
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return detach(ctx, k.API(), names, time.Second, cmd.OutOrStdout())
		},
	}
	c.Flags().StringArrayVar(&names, "name", nil, "name of a webhook configuration, of either kind; may be repeated")
	c.Flags().StringVar(&kubeconfig, "kubeconfig", "", "file; in a pod its service account is used without")
	c.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long to try")
	_ = c.MarkFlagRequired("name")
	return c
}

// detach deletes the configurations of both kinds. An API server that does not
// answer is asked again until ctx ends: what stays behind blocks the cluster.
func detach(ctx context.Context, api dynamic.Interface, names []string, pause time.Duration, out io.Writer) error {
	for _, name := range names {
		for _, kind := range []string{"validatingwebhookconfigurations", "mutatingwebhookconfigurations"} {
			resource := api.Resource(schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: kind})
			err := resource.Delete(ctx, name, metav1.DeleteOptions{})
			for err != nil && !apierrors.IsNotFound(err) {
				select {
				case <-ctx.Done():
					err = cluster.Explain(err, "deleting "+kind+" "+name, "delete", kind+".admissionregistration.k8s.io")
					return fmt.Errorf("%w; `kubectl delete %s %s` does the same", err, kind, name)
				case <-time.After(pause):
				}
				err = resource.Delete(ctx, name, metav1.DeleteOptions{})
			}
			if err == nil {
				fmt.Fprintln(out, "deleted:", kind, name)
			}
		}
	}
	return nil
}
