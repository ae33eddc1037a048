package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sallyport-dev/sallyport/policies/bundle"
	"github.com/sallyport-dev/sallyport/sandbox/judge"
)

func newBehaviourBundleCommand() *cobra.Command {
	var set bundle.Settings
	var output, push string
	c := &cobra.Command{
		Use: "bundle DIR", Short: "Make an archive of your own rules, for sandboxes to poll; needs no gate", Args: cobra.ExactArgs(1),
		Long: `Makes a tar.gz in OPA's bundle format of the rules and lists in a folder; tests and their observations stay
behind. Sandboxes poll it (sandbox.rule_bundles). A folder with a rule that cannot be used makes none.`,
		Example: `  sallyport behaviour bundle rules/                                  # rules.tar.gz
  sallyport behaviour bundle rules/ --signing-key key.pem --push registry.example.com/rules:prod`,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := ruleFolder(args[0])
			if err != nil {
				return err
			}
			j, err := judge.New(judge.Config{Extra: []fs.FS{dir}, Logger: quiet})
			if err != nil {
				return err
			}
			if faults := j.Faults(); len(faults) > 0 {
				return fmt.Errorf("%s cannot be used: %w", count(len(faults), "rule", "rules"), faults[0])
			}
			files, err := ruleFiles(dir)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			a, err := bundle.Pack(files, set)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			if push == "" || cmd.Flags().Changed("output") {
				if err := os.WriteFile(output, a.Bytes, 0o644); err != nil {
					return err
				}
				fmt.Fprintf(out, "%s: revision %s, %s\n", output, a.Revision, count(len(files), "file", "files"))
			}
			if push != "" {
				ref, err := bundle.Push(cmd.Context(), push, a)
				if err != nil {
					return err
				}
				fmt.Fprintf(out, "oci://%s: revision %s\n", ref, a.Revision)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVarP(&output, "output", "o", "rules.tar.gz", "file to write")
	f.StringVarP(&set.Revision, "revision", "r", "", "revision of the bundle (default the hash of its files)")
	f.StringVar(&set.Key, "signing-key", "", "file of the private key in PEM (RSA, ECDSA) or of the secret (HMAC) that signs the bundle")
	f.StringVar(&set.Algorithm, "signing-alg", "", "algorithm of the signature (default by the kind of key: RS256, ES256…)")
	f.StringVar(&set.KeyID, "verification-key-id", "default", "id of the key that the signature names")
	f.StringVar(&push, "push", "", "push to this reference in an OCI registry, with the credentials of docker login")
	return c
}

// ruleFiles are the files of a folder that rules consist of.
func ruleFiles(dir fs.FS) (bundle.Files, error) {
	files := bundle.Files{}
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		hidden := name != "." && strings.HasPrefix(d.Name(), ".")
		switch {
		case err != nil:
			return err
		case d.IsDir() && (hidden || d.Name() == "observations"):
			return fs.SkipDir
		case d.IsDir() || hidden || strings.HasSuffix(name, "_test.rego"):
			return nil
		case path.Ext(name) != ".rego" && path.Base(path.Dir(name)) != "lists":
			return nil
		}
		b, err := fs.ReadFile(dir, name)
		files[name] = b
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("there is no rule in it")
	}
	return files, err
}
