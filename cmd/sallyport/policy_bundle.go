package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/console/client"
	"github.com/sallyport-dev/sallyport/policies"
	"github.com/sallyport-dev/sallyport/policies/bundle"
)

func newPolicyBundleCommand(r *gateway) *cobra.Command {
	var (
		files  []string
		set    bundle.Settings
		output string
		push   string
	)
	c := &cobra.Command{
		Use: "bundle [NAME…] | -f FILE…", Short: "Make an OPA bundle of policies: those of files and folders, or of the gate",
		Long: `Make an OPA bundle: a tar.gz of the policies, the Rego packages that they are
translated to, and the custom checks that they name with their data; tests stay
behind. A gate polls it (policies.bundles), and OPA evaluates it:

  opa eval -b bundle.tar.gz -i facts.json data.assurance

The same policies make the same bytes. With --signing-key it is signed as "opa
build" does it.`,
		Example: `  sallyport policy bundle -f policies/                       # bundle.tar.gz; needs no gate
  sallyport policy bundle -f policies/ --signing-key key.pem --push registry.example.com/policies:prod
  sallyport policy bundle DTA Default -o two.tar.gz          # of the gate`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && len(files) > 0 {
				return errors.New("name policies of the gate, or files with -f, not both")
			}
			content, err := bundleFiles(cmd.Context(), r, args, files)
			if err != nil {
				return err
			}
			a, err := bundle.Build(cmd.Context(), content, set)
			if err != nil {
				return err
			}
			if push == "" || cmd.Flags().Changed("output") {
				if err := os.WriteFile(output, a.Bytes, 0o644); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%s: revision %s, %s, %s\n", output, a.Revision, count(len(a.Policies), "policy", "policies"), count(len(a.Files), "file", "files"))
			}
			if push != "" {
				ref, err := bundle.Push(cmd.Context(), push, a)
				if err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "oci://%s: revision %s, %s\n", ref, a.Revision, count(len(a.Policies), "policy", "policies"))
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringSliceVarP(&files, "file", "f", nil, "file or folder of policies, JSON or YAML")
	f.StringVarP(&output, "output", "o", "bundle.tar.gz", "file to write")
	f.StringVarP(&set.Revision, "revision", "r", "", "revision of the bundle (default the hash of its policies)")
	f.StringVar(&set.Key, "signing-key", "", "file of the private key in PEM (RSA, ECDSA) or of the secret (HMAC) that signs the bundle")
	f.StringVar(&set.Algorithm, "signing-alg", "", "algorithm of the signature (default by the kind of key: RS256, ES256…)")
	f.StringVar(&set.KeyID, "verification-key-id", "default", "id of the key that the signature names")
	f.StringVar(&push, "push", "", "push to this reference in an OCI registry, with the credentials of docker login")
	return c
}

// bundleFiles collects what goes into a bundle: of files and folders, or of
// the gate, from which all policies are taken when none is named.
func bundleFiles(ctx context.Context, r *gateway, names, files []string) (bundle.Files, error) {
	content := bundle.Files{}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		root, name := file, "."
		if !info.IsDir() {
			root, name = filepath.Split(file)
			if root == "" {
				root = "."
			}
		}
		if err := content.Add(os.DirFS(root), name); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	switch {
	case len(files) > 0 && len(content) == 0:
		return nil, fmt.Errorf("there is no policy in %s", strings.Join(files, ", ")) // a gate that polls it would lose all it has
	case len(files) > 0:
		return content, nil
	}
	c, err := r.client()
	if err != nil {
		return nil, err
	}
	return content, fetched(ctx, c, names, content)
}

func fetched(ctx context.Context, c *client.Client, names []string, content bundle.Files) error {
	if len(names) == 0 {
		all, err := c.Policies(ctx)
		if err != nil {
			return err
		}
		for _, p := range all {
			if err := addFetched(content, p.Document); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range names {
		d, err := c.Policy(ctx, name)
		if err != nil {
			return err
		}
		if err := addFetched(content, d); err != nil {
			return err
		}
	}
	return nil
}

// addFetched adds a document of the gate, which tells documents and no files.
func addFetched(content bundle.Files, d policies.Document) error {
	for _, check := range d.CustomChecks {
		if check.Path != "" && strings.TrimSpace(check.Snippet) == "" {
			return fmt.Errorf("policy %s: the custom check %s stands in a file of the gate: make the bundle of the folder that it comes from, with -f", d.Name, check.Path)
		}
	}
	return content.AddDocument(d)
}
